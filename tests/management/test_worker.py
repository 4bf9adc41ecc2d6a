"""``manage.py worker``: any of its processes may be killed; it ends as one, leaves nothing behind, and starts anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.run import folder_of_run

ROOT = Path(__file__).parent.parent.parent
CHILDREN = 5
"""The sentinel, and below it two workers, the monitor and the pusher."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow(reason="each starts and ends a cluster of six processes"),
    pytest.mark.xdist_group("worker"),
]


@pytest.fixture(scope="module")
def data() -> Iterator[dict[str, str]]:
    """An environment with a database of its own, which one process keeps running throughout."""
    folder = folder_of_run("worker")
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUWISE_")}
    env |= {"DATA_DIR": str(folder), "WORKERS": "2"}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=env, check=True)
    keeper = [
        *manage,
        "shell",
        "-c",
        "import sys; from django.db import connection as c; c.connect(); sys.stdin.read()",
    ]
    with subprocess.Popen(keeper, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield env
        process.terminate()


@pytest.fixture
def worker(data: dict[str, str]) -> Iterator[psutil.Popen]:
    with psutil.Popen([sys.executable, str(ROOT / "manage.py"), "worker"], env=data, start_new_session=True) as process:
        wait_for(lambda: len(process.children(recursive=True)) == CHILDREN, seconds=60)
        yield process
        if process.poll() is None:
            process.kill()


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def members(worker: psutil.Popen) -> list[psutil.Process]:
    """Every process of the cluster in a fixed order: the main one, the sentinel, and the sentinel's four."""
    (sentinel,) = worker.children()
    return [psutil.Process(worker.pid), sentinel, *sorted(sentinel.children(), key=lambda process: process.pid)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("victim", range(CHILDREN + 1))
def test_the_death_of_any_process_ends_all_of_them_within_seconds(worker: psutil.Popen, victim: int) -> None:
    everybody = members(worker)
    everybody[victim].send_signal(signal.SIGKILL)
    assert worker.wait(20) != 0, "so that whoever supervises it starts it anew"
    wait_for(lambda: not alive(everybody), seconds=10)


@pytest.mark.parametrize("how", ["TERM to the leader", "TERM to all", "Ctrl-C"])
def test_it_stops_cleanly_within_seconds(worker: psutil.Popen, how: str) -> None:
    everybody = members(worker)
    if how == "TERM to the leader":
        worker.terminate()
    else:
        os.killpg(worker.pid, signal.SIGTERM if how == "TERM to all" else signal.SIGINT)
    assert worker.wait(30) == 0
    assert not alive(everybody)
