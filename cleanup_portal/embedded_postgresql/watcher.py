"""Stops the embedded server when the last process that used it is gone, however it went.

Each process that uses the server holds a shared lock, which the kernel takes back when the process ends. The watcher
is one small process beside the server that waits until it can have that lock for itself: then nobody is left.
It runs as a program of its own, so this module imports nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path


def hold(data_directory: Path) -> None:
    """Count this process among the users of the server until it ends; waits while the server is being stopped."""
    flock(_open(data_directory, "users"), LOCK_SH)


def ensure(data_directory: Path, *, pg_ctl: Path, user: str | None) -> None:
    """Start the watcher of a server that runs, unless it has one; ``user`` is who runs the server, if not us."""
    file = _open(data_directory, "watcher")
    has_one = not _try_to_lock(file)
    os.close(file)
    if has_one:
        return
    command = [sys.executable, "-I", "-S", __file__, str(data_directory), str(pg_ctl), user or ""]
    subprocess.run(  # noqa: S603 (the command line is our own)
        command,
        cwd="/",
        check=True,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def dismiss(data_directory: Path) -> None:
    """End the watcher of a server that was stopped; returns when it is gone."""
    file = _open(data_directory, "watcher")
    try:
        if not _try_to_lock(file):
            os.kill(int(os.pread(file, 20, 0)), signal.SIGTERM)
            flock(file, LOCK_EX)
    finally:
        os.close(file)


def main(data_directory: Path, pg_ctl: str, user: str) -> None:
    """Become the watcher, and let whoever started it go on; if there is one already, do nothing."""
    here = _open(data_directory, "watcher")
    if not _try_to_lock(here):
        return
    if child := os.fork():
        os.pwrite(here, f"{child:<20}".encode(), 0)
        return
    users = _open(data_directory, "users")
    flock(users, LOCK_EX)
    if (data_directory / "postmaster.pid").exists():
        stop = [pg_ctl, "-D", str(data_directory), "-m", "fast", "-w", "stop"]
        subprocess.run(stop, user=user or None, check=False)  # noqa: S603 (the command line is our own)
    # In this order: whoever waits to use the server must find that it has no watcher.
    os.close(here)
    os.close(users)


def _open(data_directory: Path, name: str) -> int:
    """A file beside the data, which is only there to be locked."""
    return os.open(data_directory.with_name(f"{data_directory.name}.{name}"), os.O_RDWR | os.O_CREAT, 0o600)


def _try_to_lock(file: int) -> bool:
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
