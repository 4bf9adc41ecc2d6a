"""The web server is started by one command, which says in one sentence what is wrong with the settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from accounts_review.management.supervisor import free_port

ROOT = Path(__file__).parent.parent.parent


def start(folder: Path, options: Sequence[str] = (), **variables: str) -> subprocess.Popen[str]:
    env = os.environ | {"DATA_DIR": str(folder), "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"} | variables
    command = [sys.executable, "-m", "cleanup_portal.serve", *options]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize(
    ("name", "given"), [("WEB_CONCURRENCY", "two"), ("WEB_CONCURRENCY", "0"), ("ALLOWED_HOSTS", "a b")]
)
def test_a_setting_that_is_none_is_said_in_one_sentence(tmp_path: Path, name: str, given: str) -> None:
    with start(tmp_path, **{name: given}) as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert said.startswith(f"The portal is not configured: {name} ")
    assert repr(given) in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("given", "processes"), [("", 2), ("3", 3)])
def test_it_becomes_gunicorn_with_so_many_processes(tmp_path: Path, given: str, processes: int) -> None:
    """An empty variable counts as not set, as everywhere; gunicorn alone ends with a traceback."""
    port = free_port(8840 + 10 * processes)  # The other may run beside this one.
    with start(tmp_path, ["--bind", f"127.0.0.1:{port}"], WEB_CONCURRENCY=given) as process:
        try:
            wait_for(port)
            assert len(children_of(process.pid)) == processes
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/static/portal/favicon.svg", timeout=30)
            return
        time.sleep(0.2)
    raise TimeoutError
