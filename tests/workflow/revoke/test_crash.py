"""``kill -9`` at every step of a revocation: the next worker finds out what happened, and never sends twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from accounts_review import audit
from accounts_review.models import AuditEntry
from accounts_review.workflow.revoke import worker
from tests.stage import SetStage, Stage, client_of, someone
from tests.workflow.revoke.conftest import NAMES

pytestmark = pytest.mark.django_db(transaction=True)

LEFT = {
    # The step at which the worker dies: the state it leaves, whether its DELETE had left by then, and the number of
    # intents that the record must hold in the end.
    "s1": ("due", False, 1),
    "s2": ("claimed", False, 1),
    "s3": ("claimed", False, 1),
    "s4": ("claimed", False, 1),
    "s5": ("intended", False, 2),
    "s6": ("intended", True, 1),
    "s7": ("intended", True, 1),
    "s8": ("revoked", True, 1),
}


def in_child(act: Callable[[], object]) -> int:
    """Start an act in a process of its own, which opens its own connections; returns its id."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(1)
    return pid


def ended_by(pid: int) -> int:
    """Wait for a child's end: the signal that killed it, or 0."""
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def work(stage: Stage) -> None:
    """What a worker does, over a connection of its own."""
    with client_of(stage.url) as client:
        revoker = stage.revoker()
        revoker.client = client
        revoker.run()


def die_at(stage: Stage, step: str) -> None:
    def kill(label: str) -> None:
        if label == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def act() -> None:
        worker.crashpoint = kill
        work(stage)

    assert ended_by(in_child(act)) == signal.SIGKILL


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie is due, and after her Omar."""
    stage: Stage = set_stage(someone("marie"), someone("omar"), launched=("marie", "omar"))
    return stage


def intents(username: str) -> int:
    return AuditEntry.objects.filter(kind="case.intended", subject_ref__name=username).count()


@pytest.mark.matrix(fast=2, reason="a worker is killed at each step")
@pytest.mark.parametrize("step", LEFT)
def test_after_a_crash_each_account_is_deleted_once(stage: Stage, step: str) -> None:
    state, was_sent, intended = LEFT[step]
    die_at(stage, step)
    assert stage.case("marie").state == state
    assert stage.deletes == ([("marie", 204, True)] if was_sent else [])

    stage.clock.advance(seconds=121)
    stage.revoke()
    assert stage.states() == {"marie": "revoked", "omar": "revoked"}
    assert Counter(name for name, _, _ in stage.deletes) == {"marie": 1, "omar": 1}
    assert (intents("marie"), intents("omar")) == (intended, 1)
    assert stage.members == set()
    assert stage.account("marie").gone_at
    assert stage.cleanup().state == "closed"
    assert audit.verify()[1] is None


@pytest.mark.matrix(fast=2, reason="a worker is killed at each step")
@pytest.mark.parametrize("step", ["s2", "s3", "s4", "s5", "s6"])
def test_before_the_lease_is_over_nobody_touches_the_case(stage: Stage, step: str) -> None:
    die_at(stage, step)
    before, sent = stage.case("marie"), stage.deletes
    assert stage.revoke() == {}
    after = stage.case("marie")
    assert (after.state, after.claim) == (before.state, before.claim)
    assert stage.deletes == sent


@pytest.mark.parametrize("step", ["s5", "s6"])
def test_somebody_who_comes_back_after_the_crash_is_spared_unless_already_gone(stage: Stage, step: str) -> None:
    die_at(stage, step)
    if step == "s5":
        stage.update("marie", last_seen_at=stage.clock().isoformat())
    stage.clock.advance(seconds=121)
    stage.revoke()
    assert stage.states()["marie"] == ("spared" if step == "s5" else "revoked")
    assert ("marie" in stage.members) == (step == "s5")
    assert [name for name, _, _ in stage.deletes].count("marie") == (0 if step == "s5" else 1)


def test_two_crashes_after_the_intent_still_send_one_delete(stage: Stage) -> None:
    for _ in range(2):
        die_at(stage, "s5")
        stage.clock.advance(seconds=121)
    stage.revoke()
    assert Counter(name for name, _, _ in stage.deletes) == {"marie": 1, "omar": 1}
    assert intents("marie") + intents("omar") == 4


@pytest.mark.parametrize("kind", ["hang_after", "latency"])
def test_a_worker_killed_while_it_waits_for_the_answer(stage: Stage, kind: str) -> None:
    stage.order({"method": "DELETE", "kind": kind, "seconds": 1.0})
    pid = in_child(lambda: work(stage))
    deadline = time.monotonic() + 10
    while not stage.deletes and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert ended_by(pid) == signal.SIGKILL
    assert stage.case("marie").state == "intended"
    stage.order()
    while "marie" in stage.members and time.monotonic() < deadline:
        time.sleep(0.01)

    stage.clock.advance(seconds=121)
    stage.revoke()
    assert set(stage.states().values()) == {"revoked"}
    assert Counter(name for name, _, _ in stage.deletes) == {"marie": 1, "omar": 1}
    assert stage.outcome("marie")["inferred"]


@pytest.mark.matrix(fast=2, reason="a worker is killed at each step")
@pytest.mark.parametrize("step", LEFT)
def test_a_crash_with_eight_in_flight_sends_nobody_a_second_delete(eight: Stage, step: str) -> None:
    die_at(eight, step)
    wait_for_the_last_delete(eight)
    eight.clock.advance(seconds=121)
    eight.revoke()
    assert set(eight.states().values()) == {"revoked"}
    assert Counter(name for name, _, _ in eight.deletes) == Counter(NAMES)
    assert eight.members == set()
    assert audit.verify()[1] is None


STOPPING: dict[str, dict[str, Any]] = {
    "redirect": {"kind": "redirect", "location": "https://elsewhere.example/login"},
    "403": {"kind": "status", "status": 403},
    "twice unknown": {"kind": "status", "status": 500},
}


@pytest.mark.matrix(fast=2, reason="a worker is killed at each step")
@pytest.mark.parametrize("kind", STOPPING)
@pytest.mark.parametrize("step", ["s6", "s7", "s8"])
def test_a_crash_around_a_stop_never_lets_another_delete_leave(eight: Stage, step: str, kind: str) -> None:
    """What stops the clean-up is written down together with what has stopped it, or not at all."""
    eight.order({"method": "DELETE", "path": "/users/*"} | STOPPING[kind])
    die_at(eight, step)
    wait_for_the_last_delete(eight)
    sent = eight.deletes
    told = AuditEntry.objects.filter(kind__in=("case.turned_away", "case.unknown")).count()
    is_stopped = eight.cleanup().state == "paused"
    assert is_stopped == (told >= (2 if kind == "twice unknown" else 1))
    assert len(sent) <= 6 + 8
    eight.revoke()
    if is_stopped:
        assert eight.deletes == sent


def wait_for_the_last_delete(stage: Stage) -> None:
    """What had left when the worker was killed arrives all the same."""
    intended = AuditEntry.objects.filter(kind="case.intended").count()
    deadline, before = time.monotonic() + 1, -1
    while len(stage.deletes) < intended and (time.monotonic() < deadline or len(stage.deletes) != before):
        before = len(stage.deletes)
        time.sleep(0.05)
