"""The demo's clock: ahead of the real one by the days that a visitor has skipped.

``manage.py demo`` marks its data folder with a file that holds their number. Without the file there is no demo, and
the clock is the real one.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from urllib.parse import urlsplit

from django.contrib.humanize.templatetags import humanize
from django.utils import timezone

FILE = "demo_days_ahead"


def mark(data: Path) -> Path:
    """Say that a data folder is a demo's; what was skipped there before stays skipped. Returns the file."""
    file = data / FILE
    if not file.exists():
        file.write_text("0")
    return file


def is_demo(data: Path, *, urls: Iterable[str]) -> bool:
    """Whether a folder is a demo's, and the workspaces at these addresses are on this machine, as sandboxes are."""
    return (data / FILE).is_file() and all(is_sandbox(url) for url in urls)


def is_sandbox(url: str) -> bool:
    """Whether an address can only be that of a sandbox: a real workspace is reached by https, elsewhere."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname == "127.0.0.1"


def days_ahead(data: Path) -> int:
    """How many days were skipped."""
    with suppress(OSError, ValueError):
        return max(0, int((data / FILE).read_text()))
    return 0


def skip(data: Path, *, days: int) -> None:
    """Move the clock of every process on this data folder forward, at once."""
    file = data / FILE
    staged = file.with_suffix(".new")
    staged.write_text(str(days_ahead(data) + days))
    staged.replace(file)


def install(data: Path) -> None:
    """Have ``django.utils.timezone.now`` follow the file; done before anything has imported it by its name.

    So does the clock by which the filter ``naturaltime`` says how long ago something was.
    """
    real = timezone.now

    def now() -> datetime:
        return real() + timedelta(days=days_ahead(data))

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=days_ahead(data))

    timezone.now = now
    setattr(humanize, "datetime", Ahead)  # noqa: B010 (the type checker does not know the name there)
