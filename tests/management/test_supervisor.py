"""What is run as a fork is kept and ended as what is run by a command line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from accounts_review.management import portal, supervisor
from accounts_review.management.supervisor import Child, stop_all


@pytest.fixture
def child() -> Child:
    return Child("sleeper", run=partial(time.sleep, 600))


def test_the_web_server_is_found_from_any_working_directory(tmp_path: Path) -> None:
    web = portal.web(8000)
    done = subprocess.run([*web.argv, "--check-config"], cwd=tmp_path, env=os.environ | web.env, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_fork_leads_a_session_of_its_own_and_is_ended_with_it(child: Child) -> None:
    child.start()
    assert child.process is not None
    pid = child.process.pid
    assert child.runs
    while os.getsid(pid) != pid:
        time.sleep(0.01)
    stop_all([child])
    assert not child.runs
    assert not psutil.pid_exists(pid)


def test_a_fork_that_dies_is_started_again(child: Child) -> None:
    supervisor._keep(child)
    first = child.process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait(60) == -signal.SIGKILL
    child.backoff = 0
    supervisor._keep(child)
    assert child.runs
    assert child.process is not first
    stop_all([child])


def test_how_a_fork_ends_is_told() -> None:
    child = Child("leaver", run=partial(os._exit, 70))
    child.start()
    assert child.process is not None
    assert child.process.wait(60) == child.process.returncode == 70


def test_a_fork_that_still_starts_ends_when_it_is_told() -> None:
    told = []
    before = [signal.signal(number, lambda *_: told.append(True)) for number in supervisor.TOLD]
    child = Child("starter", run=partial(time.sleep, 600))
    try:
        child.start()
        assert child.process is not None
        while os.getsid(child.process.pid) != child.process.pid:
            time.sleep(0.01)
        child.process.terminate()
        assert child.process.wait(60) == 0
        assert not told
    finally:
        for number, handler in zip(supervisor.TOLD, before, strict=True):
            signal.signal(number, handler)
        stop_all([child])
