"""A run of the suite: the folder of its own in which portals and databases of tests work, and what outlives it."""

from __future__ import annotations

import atexit
import faulthandler
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from shutil import rmtree
from tempfile import mkdtemp

import psutil
import pytest

from accounts_review.management.supervisor import free_port

MARK = "TEST_RUN"
"""Names the folder in the environment of whatever the run starts; pytest itself puts the name of the test there."""


def begin_a_run() -> None:
    """Not in pytest's own folder, which nobody else may enter: a database that root starts has a user of its own."""
    os.environ[MARK] = folder = mkdtemp(prefix="cleanup-portal-tests-")
    atexit.register(rmtree, folder, ignore_errors=True)


def folder_of_run(name: str) -> Path:
    """A new folder, for a portal and its database; it goes with the run."""
    return Path(mkdtemp(prefix=f"{name}-", dir=os.environ[MARK]))


def unused_port() -> int:
    """A port of this machine that nobody else is likely to take meanwhile: neither a test nor the kernel."""
    return free_port(SystemRandom().randrange(10_000, 30_000))


@contextmanager
def failing_after(seconds: float, *, again: float = 30) -> Iterator[None]:
    """Fail a test that hangs, and its clearing away where that hangs as well; says what each thread was at.

    The worker lives on: one that ended here would, near the end of a run, have the run itself wait for ever.
    """

    def fail(*_: object) -> None:
        faulthandler.dump_traceback(2)
        pytest.fail(f"It hangs: it has not ended after {seconds:.0f} seconds. What each thread was at is printed.")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds, again)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def end_a_run(*, patience: float) -> list[str]:
    """End what the run has started, and tell what did not leave by itself."""
    _, left = psutil.wait_procs(list(_started()), timeout=patience)
    told = [_described(process) for process in left]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return told


def _started() -> Iterator[psutil.Process]:
    run = os.environ[MARK]
    children = psutil.Process().children(recursive=True)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            mark = process.environ().get(MARK)
            # What was forked from pytest itself, and is no program of its own, bears no mark.
            is_forked = mark is None and process in children
            is_ours = mark == run or is_forked or any(run in word for word in process.cmdline())
            if is_ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _described(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        test = process.environ().get("PYTEST_CURRENT_TEST", "an unknown test")
        return f"{process.pid}, started by {test}: {' '.join(process.cmdline())}"
    return f"{process.pid}, which has left at last"
