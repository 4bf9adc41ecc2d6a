"""Runs the portal's processes as one: starts them, restarts what dies, and leaves nothing behind.

Each child leads a session of its own and is killed by the kernel if this process dies. A stop asks every child
politely (SIGTERM to the leader only) and ends what is left of its session after a grace period.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

import structlog
from django.core.management.base import CommandError

log = structlog.get_logger(__name__)

GRACE_SECONDS = 40.0
LONGEST_BACKOFF_SECONDS = 30.0
TOLD = (signal.SIGTERM, signal.SIGINT)
"""The signals by which people and machines say stop."""

_PR_SET_PDEATHSIG = 1


class Fork:
    """A process that shares with this one what has been imported; otherwise as one of :mod:`subprocess`."""

    def __init__(self, run: Callable[[], object]) -> None:
        self._process = multiprocessing.get_context("fork").Process(target=_lead, args=[run])
        self._process.start()
        self.pid: int = self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired([], timeout or 0)
        return self._process.exitcode


def _lead(run: Callable[[], object]) -> None:
    # It is not this process that the parent's own handlers would end.
    end_when_told()
    os.setsid()
    die_with_parent()
    run()


@dataclass(slots=True)
class Child:
    """A process to keep running: its name in messages, and its command line, or else what it runs as a fork."""

    name: str
    argv: Sequence[str] = ()
    env: dict[str, str] = field(default_factory=dict)
    is_silent: bool = False
    run: Callable[[], object] | None = None
    process: subprocess.Popen[bytes] | Fork | None = None
    started: float = 0.0
    backoff: float = 1.0

    def start(self) -> None:
        self.started = time.monotonic()
        if self.run is not None:
            self.process = Fork(self.run)
            return
        self.process = subprocess.Popen(  # noqa: S603 (the command lines are our own)
            self.argv,
            env=os.environ | self.env,
            stdout=subprocess.DEVNULL if self.is_silent else None,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_when_told() -> None:
    """From here on SIGTERM and SIGINT end this process with status 0, and run what ``finally`` and exit handlers do.

    For what runs until it is told to stop: a stop that comes while it still starts is no failure.
    """

    def end(signum: int, frame: FrameType | None) -> None:
        for number in TOLD:
            # What is being stopped must not be interrupted by a second signal.
            signal.signal(number, signal.SIG_IGN)
        sys.exit(0)

    for number in TOLD:
        signal.signal(number, end)


def supervise(children: Sequence[Child]) -> None:
    """Keep the children running until SIGTERM or SIGINT, then stop them all. Running ones are left as they are."""
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    before = {number: signal.signal(number, stop) for number in TOLD}
    try:
        while not stopping:
            for child in children:
                _keep(child)
            time.sleep(0.2)
    finally:
        stop_all(children)
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_all(children: Sequence[Child]) -> None:
    """Stop children, last started first; whatever outlives the grace period is killed with its session."""
    for child in reversed(children):
        if child.runs and child.process is not None:
            child.process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        if child.process is None:
            continue
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.1, deadline - time.monotonic()))
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()


def free_port(preferred: int, *, host: str = "127.0.0.1") -> int:
    """The preferred port, or the next one that nobody listens on. Raises ``CommandError`` where there is none."""
    for port in range(preferred, 65_536):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((host, port))
                return port
    raise CommandError(f"No port from {preferred} up is free.")


def _keep(child: Child) -> None:
    """Start a child that does not run; one that keeps dying is waited for longer and longer."""
    if child.runs:
        if time.monotonic() - child.started > 60:
            child.backoff = 1.0
        return
    if child.process is not None:
        if time.monotonic() - child.started < child.backoff:
            return
        log.warning("a process ended; it is started again", process=child.name, status=child.process.returncode)
        child.backoff = min(2 * child.backoff, LONGEST_BACKOFF_SECONDS)
    child.start()
