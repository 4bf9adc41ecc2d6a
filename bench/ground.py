"""The ground the benchmarks stand on: a portal of its own in a temporary folder, and figures one a line."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
KEY = "bench-key-5c1d07"


def new_folder(name: str) -> Path:
    """A folder that goes when the process ends, after the database in it has stopped."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    # Exit handlers run in reverse: the database that is started later stops before its folder goes.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def configure(folder: Path, url: str, **environment: str) -> None:
    """The portal's environment, for this process and its children; then its database."""
    for name in ("DATABASE_URL", "HUWISE_API_KEY_OWNER", "HUWISE_WORKSPACE"):
        os.environ.pop(name, None)
    os.environ |= {"DATA_DIR": str(folder / "data"), "HUWISE_URL": url, "HUWISE_API_KEY": KEY, "LOG_LEVEL": "ERROR"}
    os.environ |= {"DJANGO_SETTINGS_MODULE": "cleanup_portal.settings"} | environment
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """A pretend workspace as a process of its own; gives its address."""
    command = [sys.executable, "-m", "huwise_sandbox", "--api-key", KEY, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout  # noqa: S101
            yield process.stdout.readline().split()[1]
        finally:
            process.kill()


def say(name: str, figure: object, unit: str = "") -> None:
    sys.stdout.write(f"{name:40}{figure:>10} {unit}".rstrip() + "\n")
    sys.stdout.flush()
