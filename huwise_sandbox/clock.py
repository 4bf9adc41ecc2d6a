"""The sandbox's clock: the real one, or ahead of it by the number of days that a file holds."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

_files: list[Path] = []


def follow(file: Path | None) -> None:
    """Be as many days ahead as the file says, whenever it says so."""
    _files[:] = [file] if file else []


def now() -> datetime:
    """The instant that the sandbox tells and writes down."""
    ahead = timedelta()
    for file in _files:
        with suppress(OSError, ValueError):
            ahead = timedelta(days=int(file.read_text()))
    return datetime.now(UTC) + ahead
