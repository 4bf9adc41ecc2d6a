"""However a flight is left, no answer to a DELETE is lost."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import OperationalError

from accounts_review.huwise import Client
from accounts_review.workflow.revoke import worker
from tests.stage import Stage
from tests.workflow.revoke.conftest import PATIENCE


@pytest.fixture
def stage(eight: Stage) -> Stage:
    return eight


def test_answers_that_have_come_are_written_down_where_nobody_can_be_claimed_any_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = worker.Revoker.claim_some

    def fail_once_somebody_left(revoker: worker.Revoker, most: int, *, ahead: int = 0) -> Any:
        if len(stage.deletes) > 6:
            raise OperationalError("deadlock detected")
        return claim(revoker, most, ahead=ahead)

    monkeypatch.setattr(worker.Revoker, "claim_some", fail_once_somebody_left)
    with pytest.raises(OperationalError):
        stage.revoke()
    answered = len(stage.deletes)
    assert answered > 6
    assert Counter(stage.states().values())["revoked"] > 6


def test_answers_to_what_has_left_are_written_down_where_a_gate_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pass_gates, see, delete = worker.Revoker.pass_gates, worker.Revoker.see, Client.delete_user
    gates, has_left, has_failed = list[int](), threading.Event(), threading.Event()
    slow = next(name for name, state in stage.states().items() if state == "due")

    def see_one_late(revoker: worker.Revoker, case: Any) -> Any:
        assert case.account.username != slow or has_left.wait(PATIENCE)
        return see(revoker, case)

    def answer_late(client: Client, username: str) -> Any:
        has_left.set()
        assert has_failed.wait(PATIENCE)
        return delete(client, username)

    def fail_the_second_time(revoker: worker.Revoker, looked: Any) -> Any:
        gates.append(len(looked))
        if len(gates) > 1:
            has_failed.set()
            raise OperationalError("deadlock detected")
        return pass_gates(revoker, looked)

    monkeypatch.setattr(worker.Revoker, "see", see_one_late)
    monkeypatch.setattr(Client, "delete_user", answer_late)
    monkeypatch.setattr(worker.Revoker, "pass_gates", fail_the_second_time)
    with pytest.raises(OperationalError):
        stage.revoke()
    assert len(stage.deletes) > 6
    assert Counter(stage.states().values())["revoked"] == len(stage.deletes)


def test_an_answer_that_cannot_be_written_down_costs_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finish, failed = worker.Revoker._finish, list[str]()

    def fail_first(revoker: worker.Revoker, case: Any, outcome: Any) -> bool:
        if not failed:
            failed.append(case.account.username)
            raise OperationalError("deadlock detected")
        return finish(revoker, case, outcome)

    monkeypatch.setattr(worker.Revoker, "_all_revoked", lambda *_: False)
    monkeypatch.setattr(worker.Revoker, "_finish", fail_first)
    with pytest.raises(OperationalError):
        stage.revoke()
    states = stage.states()
    assert len(stage.deletes) > 7
    assert [name for name, state in states.items() if state == "intended"] == failed
    assert Counter(states.values())["revoked"] == len(stage.deletes) - 1
