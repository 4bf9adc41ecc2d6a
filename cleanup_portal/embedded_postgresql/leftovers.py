"""What processes that were killed leave behind in the data folder, put in order before the library reads it.

The library takes for granted that ``postmaster.pid``, where there is one, is whole and that the process of that number
is a server that is ready. Yet a file survives the machine, and its number is then somebody else's; and a server that
was told to stop waits for whoever is connected, which a web server is for good.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from cleanup_portal.embedded_postgresql.configuration import LONGEST_START

LINES, SHOWN = 8, 10
READY, STOPPING = "ready", "stopping"


def shorten(record: logging.LogRecord) -> bool:
    """Of the server's log, which the library shows from its first day on, leave the end, which says what went wrong."""
    first, *others = record.getMessage().splitlines() or [""]
    record.msg, record.args = "\n".join([first, *others[-SHOWN:]]), ()
    return True


def forget_a_broken_list(data_directory: Path) -> None:
    """Remove a list of who uses the server that is none: whoever wrote it died amid it, or had no room on the disk."""
    users = data_directory / ".handle_pids.json"
    with suppress(FileNotFoundError):
        try:
            json.loads(users.read_bytes())
        except ValueError:
            users.unlink()


def settle(data_directory: Path, *, stop: Callable[[], object], seconds: float = LONGEST_START) -> None:
    """Return once a server is ready in this folder or none is at work there. Raises ``TimeoutError``.

    To be called by one process at a time; ``stop`` ends a server that is there, whoever is connected.
    """
    file, deadline = data_directory / "postmaster.pid", time.monotonic() + seconds
    while (lines := _lines_of(file)) is not None:
        if not is_at_work(data_directory, lines):
            # PostgreSQL itself takes any living process of that number for the server, and so refuses to start.
            file.unlink(missing_ok=True)
            return
        status = lines[-1].strip() if len(lines) == LINES else ""
        if status == READY:
            return
        if status == STOPPING:
            stop()
        if time.monotonic() > deadline:
            raise TimeoutError(f"a server has been neither ready nor gone for {seconds:.0f} seconds")
        time.sleep(0.05)


def is_at_work(data_directory: Path, lines: list[str]) -> bool:
    """Whether any process of a server works in this folder, be it only one that outlived the others."""
    with suppress(ValueError, IndexError, psutil.Error):
        if _works_in(data_directory, psutil.Process(int(lines[0]))):
            return True
    return any(_works_in(data_directory, process) for process in psutil.process_iter())


def _works_in(data_directory: Path, process: psutil.Process) -> bool:
    with suppress(psutil.Error, OSError):
        return process.name() == "postgres" and Path(process.cwd()) == data_directory
    return False


def _lines_of(file: Path) -> list[str] | None:
    try:
        return file.read_text().splitlines()
    except FileNotFoundError:
        return None
