"""Several processes for one long act: judging a million accounts is Python's work, and Python uses one processor."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from django.db import connection, connections

MANY = 20_000
"""From so many accounts on, starting further processes is quicker than doing without."""
MOST = 4

log = structlog.get_logger(__name__)


def parts_for(count: int) -> int:
    """In how many parts so much is best done here: one within a transaction, and where threads run."""
    return max(1, min(MOST, os.cpu_count() or 1)) if count >= MANY and is_possible() else 1


def is_possible() -> bool:
    """Whether another process may be started here: not within a transaction, nor where threads run."""
    # That of multiprocessing, which the cluster's workers have from their first result on, shares nothing with us.
    feeding = sum(thread.name == "QueueFeederThread" for thread in threading.enumerate())
    return not connection.in_atomic_block and threading.active_count() - feeding == 1 and hasattr(os, "fork")


def in_parts(keys: Sequence[int], act: Callable[[Sequence[int]], bool]) -> bool:
    """Do an act for all keys, most of it in processes of their own where that pays; what it said for our own part.

    A process that dies leaves its part undone: the caller looks for what is left, as after any other interruption.
    """
    parts = parts_for(len(keys))
    if parts == 1:
        return act(keys)
    # What lies together is read together.
    size = -(-len(keys) // parts)
    own, *others = (keys[start : start + size] for start in range(0, len(keys), size))
    # Each opens a connection of its own.
    connections.close_all()
    children = [start(partial(act, each)) for each in others]
    try:
        return act(own)
    finally:
        for child in children:
            wait_for(child)


def wait_for(child: int) -> None:
    """Wait until a process has ended."""
    _, status = os.waitpid(child, 0)
    if status:
        log.warning("part.failed", status=os.waitstatus_to_exitcode(status))


def kill(child: int) -> None:
    """End a process whose work is not wanted any more."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def start(act: Callable[[], object]) -> int:
    """Have a process of its own do an act; the caller has closed the connections, so that it opens one of its own."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        act()
        code = 0
    except Exception:
        log.exception("part.failed")
    finally:
        connections.close_all()
        # Nothing of what the parent set up for its own end is done here.
        os._exit(code)
