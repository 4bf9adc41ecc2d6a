"""Several cases at once: 1, 5, then 8 in flight; the laws hold for all, and threads never touch the database."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from accounts_review import audit
from accounts_review.huwise import Client
from accounts_review.models import AuditEntry
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke import flight, worker
from accounts_review.workflow.revoke.delete_call import DeleteOutcome, outcome_of
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.hold_mishaps import hold_the_workspace
from tests.workflow.revoke.conftest import NAMES, PATIENCE

DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*"}


@pytest.fixture
def stage(eight: Stage) -> Stage:
    return eight


class Gate:
    """Holds every DELETE until it is opened, and counts those that wait there together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.delete, self.lock, self.opened = Client.delete_user, threading.Condition(), False
        self.waiting: list[str] = []
        self.sent: list[str] = []
        self.answers: dict[str, Any] = {}
        monkeypatch.setattr(Client, "delete_user", lambda client, username: self.pass_through(client, username))

    def pass_through(self, client: Client, username: str) -> Any:
        with self.lock:
            self.sent.append(username)
            self.waiting.append(username)
            self.lock.notify_all()
            if username not in self.answers:
                assert self.lock.wait_for(lambda: self.opened, PATIENCE)
            self.waiting.remove(username)
        if error := self.answers.get(username):
            raise error
        return self.delete(client, username)

    def wait_until(self, count: int) -> None:
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.waiting) == count, PATIENCE), self.waiting

    def open(self) -> None:
        with self.lock:
            self.opened = True
            self.lock.notify_all()


@pytest.fixture
def largest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were in flight at each DELETE, as the workspace saw it; each waits for as many as should be there."""
    delete, lock, expected = Client.delete_user, threading.Condition(), [1, *[5] * 5, *[8] * 8]
    seen: list[int] = []
    inside: list[str] = []

    def together(client: Client, username: str) -> Any:
        with lock:
            size = expected[len(seen)]
            seen.append(size)
            inside.append(username)
            lock.notify_all()
            assert lock.wait_for(lambda: len(inside) % 14 in (1, 6, 0), PATIENCE), (username, inside)
        return delete(client, username)

    monkeypatch.setattr(Client, "delete_user", together)
    return seen


def test_a_cleanup_goes_one_then_five_then_eight_at_once(set_stage: SetStage, largest: list[int]) -> None:
    stage = set_stage(*map(someone, NAMES), others=30, launched=NAMES[:14])
    assert stage.revoke() == {"revoked": 14}
    assert len(largest) == 14
    assert Counter(name for name, _, _ in stage.deletes) == Counter(NAMES[:14])
    assert audit.verify()[1] is None


def test_one_slow_look_keeps_nobody_else_from_the_gate(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody_left, look, waited = threading.Event(), worker.Revoker.see, list[bool]()
    delete = Client.delete_user
    slow = next(name for name, state in stage.states().items() if state == "due")

    def see(revoker: worker.Revoker, case: Any) -> Any:
        if case.account.username == slow:
            waited.append(somebody_left.wait(PATIENCE))
        return look(revoker, case)

    def leave(client: Client, username: str) -> Any:
        somebody_left.set()
        return delete(client, username)

    monkeypatch.setattr(worker.Revoker, "see", see)
    monkeypatch.setattr(Client, "delete_user", leave)
    assert stage.revoke() == {"revoked": 10}
    assert waited == [True]


def test_those_who_follow_are_looked_at_while_answers_are_written_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, waited, follow = list[str](), list[bool](), threading.Event()
    look, write = worker.Revoker.see, worker.Revoker.record

    def see(revoker: worker.Revoker, case: Any) -> Any:
        looked.append(case.account.username)
        if len(looked) > flight.AT_ONCE:
            follow.set()
        return look(revoker, case)

    def record(revoker: worker.Revoker, answered: Any) -> bool:
        waited.append(follow.wait(PATIENCE))
        return write(revoker, answered)

    monkeypatch.setattr(worker.Revoker, "see", see)
    monkeypatch.setattr(worker.Revoker, "record", record)
    assert stage.revoke() == {"revoked": 10}
    assert waited[0]


def test_the_threads_never_touch_the_database(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    execute, by = CursorWrapper.execute, set()

    def told(cursor: CursorWrapper, *args: Any, **kwargs: Any) -> Any:
        by.add(threading.current_thread())
        return execute(cursor, *args, **kwargs)

    monkeypatch.setattr(CursorWrapper, "execute", told)
    assert stage.revoke() == {"revoked": 10}
    assert by == {threading.main_thread()}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("revoke")]


def test_after_an_unknown_outcome_no_delete_leaves_until_those_on_their_way_have_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    steps: list[str] = []

    def first_unclear(client: Client, username: str) -> DeleteOutcome:
        if username != NAMES[6]:
            return outcome_of(client, username)
        gate.wait_until(7)
        steps.append("unknown")
        return DeleteOutcome(CaseState.UNKNOWN, {"status": 500})

    def claim_some(crew: worker.Revoker, most: int, *, ahead: int = 0, claim: Any = worker.Revoker.claim_some) -> Any:
        claimed = claim(crew, most, ahead=ahead)
        if steps:
            steps.append(f"{len(claimed)} claimed, {len(gate.waiting)} on their way")
            gate.open()
        return claimed

    def pass_gates(crew: worker.Revoker, looked: Any, gates: Any = worker.Revoker.pass_gates) -> Any:
        if steps:
            steps.append(f"at the gate, {len(gate.waiting)} on their way")
        return gates(crew, looked)

    monkeypatch.setattr(worker, "outcome_of", first_unclear)
    monkeypatch.setattr(worker.Revoker, "claim_some", claim_some)
    monkeypatch.setattr(worker.Revoker, "pass_gates", pass_gates)
    assert stage.revoke(quiet=60) == {"revoked": 9, "unknown": 1}
    assert steps[:2] == ["unknown", "0 claimed, 7 on their way"]
    assert {step for step in steps if step.startswith("at the gate")} == {"at the gate, 0 on their way"}


def test_nor_does_that_of_another_worker(stage: Stage) -> None:
    other, here = stage.revoker(), stage.revoker()
    first, second, third = other.claim_some(3)
    assert other._pass_gate(first, other.see(first))  # type: ignore[arg-type]
    assert other._pass_gate(second, other.see(second))  # type: ignore[arg-type]
    other._finish(second, DeleteOutcome(CaseState.UNKNOWN, {"status": 500}))
    assert here.claim() is None
    assert not other._pass_gate(third, other.see(third))  # type: ignore[arg-type]
    assert stage.entries(third.account.username)[-1] == "case.released"
    assert other._finish(first, DeleteOutcome(CaseState.REVOKED, {"status": 204}))
    assert here.claim() is not None


def test_who_waits_for_a_worker_that_has_died_is_put_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still here, so the lease of the other never ends by itself."""
    other, looks, look = stage.revoker(), Counter[str](), worker.Revoker.see
    first, second = other.claim_some(2)

    def die(label: str) -> None:
        if label != "s3" or first.intended_at:
            return
        assert other._pass_gate(first, look(other, first))  # type: ignore[arg-type]
        assert other._pass_gate(second, look(other, second))  # type: ignore[arg-type]
        other._finish(second, DeleteOutcome(CaseState.UNKNOWN, {"status": 500}))

    def see(revoker: worker.Revoker, case: Any) -> Any:
        looks[case.account.username] += 1
        return look(revoker, case)

    monkeypatch.setattr(worker, "crashpoint", die)
    monkeypatch.setattr(worker.Revoker, "see", see)
    monkeypatch.setattr(flight, "PATIENCE_SECONDS", 0.01)
    assert stage.revoke() == {"due": 8}
    assert max(looks.values()) <= 2 + flight.ROUNDS
    assert len(stage.deletes) == 6
    assert {stage.entries(name)[-1] for name in looks} == {"case.released"}


def test_two_unknown_outcomes_one_after_the_other_stop_it_and_those_on_their_way_end(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "status", "status": 500})
    assert stage.revoke(quiet=60) == {"unknown": 8}
    assert stage.cleanup().stopped_because == {"code": "unknown_in_a_row"}
    assert stage.revoke(quiet=60) == {}


def test_once_the_door_is_shut_those_before_the_gate_are_put_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, has_looked = Gate(monkeypatch), threading.Semaphore(0)
    left = [name for name, state in stage.states().items() if state == "due"]
    stage.order(DELETE | {"kind": "status", "status": 403})
    look = worker.Revoker.see

    def see(revoker: worker.Revoker, case: Any) -> Any:
        if case.account.username in left[-2:]:
            has_looked.acquire(timeout=PATIENCE)
        return look(revoker, case)

    def record(revoker: worker.Revoker, answered: Any, write: Any = worker.Revoker.record) -> bool:
        may_go_on: bool = write(revoker, answered)
        has_looked.release(2)
        return may_go_on

    monkeypatch.setattr(worker.Revoker, "see", see)
    monkeypatch.setattr(worker.Revoker, "record", record)
    gate.open()
    stage.revoke()
    assert stage.cleanup().state == "paused"
    assert set(stage.states().values()) == {"revoked", "due"}
    assert len(stage.deletes) - 6 <= 8
    last = [stage.entries(name)[-1] for name in left]
    assert set(last) <= {"case.turned_away", "case.released", "case.launched"}
    assert last.count("case.turned_away") == len(stage.deletes) - 6


def test_as_many_as_the_hourly_limit_allows_and_nobody_is_held_for_it(set_stage: SetStage) -> None:
    stage = set_stage(*map(someone, NAMES), policy=policy_text(per_hour=9), others=30, launched=NAMES)
    assert stage.revoke() == {"revoked": 9}
    assert len(stage.deletes) == 9
    assert not AuditEntry.objects.filter(kind="case.held").exists()


def test_no_more_than_asked_for(stage: Stage) -> None:
    assert stage.revoke(limit=3) == {"revoked": 3}
    assert len(stage.deletes) == 9


def test_a_hold_stops_those_that_have_not_passed_the_gate(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(label: str) -> None:
        if label == "s3" and holds.over(stage.workspace) is None:
            hold_the_workspace(stage)

    monkeypatch.setattr(worker, "crashpoint", hold)
    assert stage.revoke() == {"due": 8}
    assert len(stage.deletes) == 6


def test_a_pause_lets_those_on_their_way_end_and_nobody_follows(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)

    def pause(label: str) -> None:
        if label == "s5" and stage.cleanup().state == "running":
            launch.pause(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="wait", now=stage.clock())
            gate.open()

    monkeypatch.setattr(worker, "crashpoint", pause)
    tally = stage.revoke()
    assert tally["revoked"] == len(stage.deletes) - 6 == len(gate.sent)
    assert stage.cleanup().state == "paused"
    assert set(stage.states().values()) == {"revoked", "due"}


def test_where_it_fails_on_the_way_no_delete_leaves_after_it_has_returned(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    gate.open()

    def fail(label: str) -> None:
        if label == "s7":
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(worker, "crashpoint", fail)
    with pytest.raises(RuntimeError):
        stage.revoke()
    assert not gate.waiting
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("revoke")]
    monkeypatch.setattr(worker, "crashpoint", lambda label: None)
    stage.clock.advance(seconds=121)
    stage.revoke()
    assert set(stage.states().values()) == {"revoked"}
    assert Counter(name for name, _, _ in stage.deletes) == Counter(NAMES)
