"""A sync that ends in the middle, wherever that is, leaves nothing half done, and the next one makes it good."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review import audit
from accounts_review.huwise import Client
from accounts_review.models import Account, AuditEntry, Sync
from accounts_review.workflow.sync import accept, store
from accounts_review.workflow.sync import sync as sync_module
from accounts_review.workflow.sync.staging import Staging
from accounts_review.workflow.sync.sync import NothingToStop, end_dead_syncs, stop_sync, sync_workspace
from tests.stage import SetStage, Stage, client_of, days_ago, someone
from tests.workflow.revoke.test_crash import ended_by, in_child

STEPS: dict[str, tuple[Any, str, int]] = {
    # What is interrupted, and at which call of it.
    "asking for the key": (Client, "key_owner", 1),
    "reading groups": (Client, "groups", 1),
    "the first page": (Client, "users_page", 1),
    "the second page": (Client, "users_page", 2),
    "the second pass": (Client, "users_page", 4),
    "staging what is new": (Staging, "add", 1),
    "ending a pass": (Staging, "close_pass", 1),
    "comparing rights": (Client, "usernames_with", 1),
    "the breaker": (sync_module, "checks_of", 1),
    "finding whom records are about": (store, "match", 1),
    "half the merge": (store, "_touched", 2),
    "those not listed": (store, "_mark_absent", 1),
    "storing accounts": (accept, "store", 1),
    "half the accounts stored": (store, "forget_unconfirmed", 1),
    "storing rights": (accept, "store_rights", 1),
    "the audit entry": (audit, "log", 1),
}


class Interrupted(BaseException):
    """As Ctrl-C, and as the worker's time limit: no Exception."""


def at_call(number: int, act: Callable[[], object], real: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but for one call of it at which something happens first."""
    calls = 0

    def called(*args: Any, **given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            act()
        return real(*args, **given)

    return called


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """More than a page of people, known; then one who was dormant came, one left, and one is new."""
    stage = set_stage(someone("marie"), someone("omar"), others=1100)
    stage.update("marie", last_seen_at=days_ago(1))
    stage.remove("omar")
    stage.site.workspace.put(someone("zoé"))
    return stage


def known() -> list[tuple[Any, ...]]:
    return sorted(Account.objects.values_list("username", "digest", "absent_since", "incomplete"))


def assert_the_next_one_makes_it_good(stage: Stage) -> None:
    done = stage.sync()
    assert (done.state, done.problems, done.read) == ("complete", [], 1103)
    assert (stage.verdicts()["marie"], stage.verdicts()["zoé"]) == ("active", "dormant")
    assert "omar" not in stage.verdicts()


def interrupt() -> None:
    raise Interrupted


@pytest.mark.matrix(fast=3, reason="each place is three syncs")
@pytest.mark.parametrize("step", STEPS)
def test_wherever_it_is_interrupted_nothing_is_half_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place, name, number = STEPS[step]
    before, said = known(), AuditEntry.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(place, name, at_call(number, interrupt, getattr(place, name)))
        with pytest.raises(Interrupted):
            stage.sync()
    broken = Sync.objects.latest("pk")
    assert (broken.state, broken.problems, broken.phase) == ("failed", [{"code": "interrupted"}], "")
    assert broken.finished_at == stage.clock()
    assert (known(), AuditEntry.objects.count()) == (before, said)
    assert_the_next_one_makes_it_good(stage)


@pytest.mark.django_db(transaction=True)
@pytest.mark.matrix(fast=1, reason="each place is a process of its own")
@pytest.mark.parametrize("step", ["the second page", "ending a pass", "half the merge", "half the accounts stored"])
def test_a_process_that_is_killed_leaves_the_way_free(stage: Stage, step: str) -> None:
    place, name, number = STEPS[step]
    before = known()

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def read() -> None:
        setattr(place, name, at_call(number, die, getattr(place, name)))
        with client_of(stage.url) as client:
            sync_workspace(workspace=stage.workspace, client=client, key_owner="", clock=stage.clock)

    assert ended_by(in_child(read)) == signal.SIGKILL
    killed = Sync.objects.latest("pk")
    assert (killed.state, known()) == ("running", before)
    end_dead_syncs(workspace=stage.workspace)
    killed.refresh_from_db()
    assert (killed.state, killed.problems) == ("failed", [{"code": "interrupted"}])
    assert_the_next_one_makes_it_good(stage)


def test_one_that_runs_is_not_buried(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, number = STEPS["the second page"]
    states = []

    def look() -> None:
        end_dead_syncs(workspace=stage.workspace)
        states.append(Sync.objects.latest("pk").state)

    monkeypatch.setattr(place, name, at_call(number, look, getattr(place, name)))
    assert stage.sync().state == "complete"
    assert states == ["running"]


@pytest.mark.parametrize("step", ["the second page", "the second pass"])
def test_a_person_stops_it_and_nothing_is_stored(stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    place, name, number = STEPS[step]
    before, operator = known(), stage.staff("operator")

    def stop() -> None:
        stop_sync(sync=Sync.objects.get(state="running"), actor=operator, now=stage.clock())

    with monkeypatch.context() as patch:
        patch.setattr(place, name, at_call(number, stop, getattr(place, name)))
        stopped = stage.sync()
    assert (stopped.state, stopped.problems) == ("failed", [{"code": "stopped", "login": "operator"}])
    assert known() == before
    with pytest.raises(NothingToStop):
        stop_sync(sync=stopped, actor=operator, now=stage.clock())
    assert_the_next_one_makes_it_good(stage)


def test_only_an_operator_stops_it(stage: Stage) -> None:
    with pytest.raises(PermissionDenied):
        stop_sync(sync=Sync.objects.latest("pk"), actor=stage.staff("reviewer"), now=stage.clock())


def test_while_it_runs_it_says_how_far_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int]] = []

    def look() -> None:
        running = Sync.objects.get(state="running")
        seen.append((running.phase, running.read, len(running.passes)))

    for place, name, number in (STEPS["the second page"], STEPS["comparing rights"], STEPS["the breaker"]):
        monkeypatch.setattr(place, name, at_call(number, look, getattr(place, name)))
    done = stage.sync()
    assert seen == [("reading", 1000, 1), ("rights", 1103, 2), ("storing", 1103, 2)]
    whole = {"pages": 2, "records": 1103, "read": 1103, "expected": 1103}
    assert (done.phase, done.passes) == ("", [whole, whole])
