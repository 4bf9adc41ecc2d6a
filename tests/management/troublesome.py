"""Tasks that no worker should be given, for the tests of what the worker makes of them."""

from __future__ import annotations

import os
import signal
import time

from django_q.signals import post_execute_in_worker


def outstay() -> None:
    """Go on when the time is up, as a bare ``except`` would have it."""
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: S112
            continue


def sleep() -> None:
    """Run into the time limit, and end at it."""
    time.sleep(60)


def die_while_handing_over() -> None:
    """Have this process killed while it holds the locks under which a result is handed over."""
    post_execute_in_worker.connect(_die)


def _die(**_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
