"""One reading of the groups serves the looks that follow closely, and is never taken for newer than it is."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts_review.huwise import HuwiseError, Unreachable
from accounts_review.workflow.revoke import groups
from accounts_review.workflow.revoke.groups import Groups
from accounts_review.workflow.revoke.last_look import LastLook, look
from huwise_sandbox.records import group
from tests.stage import Clock, SetStage, someone


class Reading:
    """A client of which only the groups are asked for."""

    def __init__(self, *, fails: bool = False) -> None:
        self.times, self.fails = 0, fails
        self.goes_on = threading.Event()

    def groups(self) -> list[bytes]:
        self.times += 1
        assert self.goes_on.wait(60)
        if self.fails:
            raise Unreachable(doing="reading groups", kind="timeout", sent=True)
        return [b'{"uid": "editors", "title": "", "permissions": ["edit_dataset"]}']


class Queue:
    """A lock that counts who has come to it."""

    def __init__(self) -> None:
        self.lock, self.come = threading.Lock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self.come.release()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def asked_by_eight(reading: Any, *, clock: Clock) -> list[Any]:
    """All eight have come before the first reading ends."""
    queue = Queue()
    shared = Groups(reading, clock, queue)  # type: ignore[arg-type]

    def ask(_number: int) -> Any:
        try:
            return shared.rights()
        except HuwiseError as error:
            return error

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask, number) for number in range(8)]
        for _ in answers:
            assert queue.come.acquire(timeout=60)
        clock.advance(seconds=20)
        reading.goes_on.set()
        return [answer.result() for answer in answers]


def test_threads_share_a_reading_that_is_as_old_as_its_question() -> None:
    reading, clock = Reading(), Clock()
    asked = clock.instant
    assert asked_by_eight(reading, clock=clock) == [({"editors": ("edit_dataset",)}, asked)] * 8
    assert reading.times == 1


def test_whoever_waits_for_a_reading_that_fails_does_not_wait_again() -> None:
    reading = Reading(fails=True)
    assert {type(answer) for answer in asked_by_eight(reading, clock=Clock())} == {Unreachable}
    assert reading.times == 1


def test_a_reading_that_takes_longer_than_it_serves_answers_all_who_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "LONGEST_SECONDS", 0.0)
    reading = Reading()
    asked_by_eight(reading, clock=Clock())
    # A second one for those who came while the first was under way.
    assert reading.times <= 2


def test_after_a_moment_they_are_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading()
    reading.goes_on.set()
    shared: Groups = Groups(reading, Clock())  # type: ignore[arg-type]
    shared.rights()
    shared.rights()
    assert reading.times == 1
    later = time.monotonic() + groups.LONGEST_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    shared.rights()
    assert reading.times == 2


def test_a_look_is_as_old_as_what_it_knows_of_the_groups(set_stage: SetStage) -> None:
    readers = group("readers", "Readers", [])
    stage = set_stage(someone("marie", groups=[readers]), groups=[readers], launched=("marie",))
    shared = Groups(stage.client, stage.clock)
    _, before = shared.rights()
    stage.clock.advance(seconds=25)
    seen = look(stage.case("marie"), client=shared, clock=stage.clock)
    assert seen.at == before
    assert look(stage.case("marie"), client=stage.client, clock=stage.clock).at == stage.clock()


def test_nobody_passes_the_gate_with_a_look_that_is_too_old_to_send(set_stage: SetStage) -> None:
    readers = group("readers", "Readers", [])
    stage = set_stage(someone("marie", groups=[readers]), groups=[readers], launched=("marie",))
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    revoker.groups.rights()
    stage.clock.advance(seconds=2)
    seen = revoker.see(case)
    assert isinstance(seen, LastLook)
    stage.clock.advance(seconds=29)
    assert not revoker._pass_gate(case, seen)
    assert stage.states() == {"marie": "due"}
    assert stage.why("marie") == ["stale_look"]
