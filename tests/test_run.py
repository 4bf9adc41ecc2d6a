"""A run of the suite finds what hangs and what outlives it, and lets nothing be slow without a reason."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import pytest_itemcollected
from tests.run import MARK, end_a_run, failing_after

FOREVER = [sys.executable, "-c", "import sys; print('here', flush=True); sys.stdin.read()"]


@pytest.fixture
def another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MARK, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("how", ["by its environment", "by its folder"])
def test_a_process_that_outlives_the_run_is_named_and_ended(another_run: Path, how: str) -> None:
    words, env = ([], None) if how == "by its environment" else ([str(another_run)], {"PYTEST_CURRENT_TEST": "a test"})
    with subprocess.Popen(
        [*FOREVER, *words], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        (told,) = end_a_run(patience=0)
        assert process.wait(30) == -signal.SIGKILL
    assert told.startswith(f"{process.pid}, started by {'a test' if env else 'tests/test_run.py::test_a_process'}")


@pytest.mark.usefixtures("another_run")
def test_a_process_that_leaves_in_time_is_not_named() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.1)"]):
        assert end_a_run(patience=60) == []


@pytest.mark.parametrize("mark", [pytest.mark.slow, pytest.mark.slow(reason=""), pytest.mark.matrix(fast=1)])
def test_what_is_slow_says_why(mark: Any) -> None:
    item: Any = SimpleNamespace(
        nodeid="tests/test_x.py::test_y", iter_markers=lambda name: [mark.mark] if name == mark.name else []
    )
    with pytest.raises(pytest.UsageError, match="test_y: say why it is slow"):
        pytest_itemcollected(item)


@pytest.mark.matrix(fast=1, reason="to see what becomes of the others")
@pytest.mark.parametrize("number", [0, 1])
def test_a_matrix_is_slow_but_for_its_first_values(request: pytest.FixtureRequest, number: int) -> None:
    assert bool(request.node.get_closest_marker("slow")) is (number == 1)


def test_what_hangs_fails_and_so_does_its_clearing_away(capfd: pytest.CaptureFixture[str]) -> None:
    held = Lock()
    held.acquire()
    with failing_after(0.05, again=0.05):
        for _ in ("a test", "its clearing away"):
            with pytest.raises(pytest.fail.Exception, match="It hangs"):
                held.acquire()
    assert "Current thread" in capfd.readouterr().err
