"""Transitions: each is checked against the table and the row, and commits together with its entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from accounts_review import audit
from accounts_review.audit import transitions
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Case, Cleanup, Workspace
from accounts_review.rules.lifecycle import (
    CASE_TRANSITIONS,
    CLEANUP_TRANSITIONS,
    CaseState,
    CleanupState,
    IllegalTransition,
)
from tests import factories
from tests.stage import NOW

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def make_case(workspace: Workspace, person: Callable[[str], User]) -> Callable[..., Case]:
    """Makes a case of somebody in a state, without asking anyone."""
    cleanup = factories.make_cleanup(workspace, number=1)

    def make(username: str = "marie", state: str = "due") -> Case:
        account = factories.make_account(workspace, username)
        return factories.make_case(
            cleanup, account, state=state, approved_by=person("reviewer"), approved_by_login="reviewer"
        )

    return make


def entries(kind: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(kind=kind).order_by("seq"))


def test_a_move_changes_the_row_and_writes_what_happened(make_case: Callable[..., Case]) -> None:
    case = make_case()
    audit.transition(
        [case],
        CaseState.CLAIMED,
        kind=Event.CASE_HELD,
        actor="rita",
        now=LATER,
        data={"why": "because"},
        lease_until=LATER,
    )
    fresh = Case.objects.get(pk=case.pk)
    for seen in (case, fresh):
        assert (seen.state, seen.moved_at, seen.lease_until) == ("claimed", LATER, LATER)
    (entry,) = entries("case.held")
    assert (entry.at, entry.actor, entry.workspace, entry.subject) == (LATER, "rita", "main", "marie")
    assert (entry.account_id, entry.cleanup) == (case.account_id, 1)
    assert entry.details == {"why": "because", "from": "due", "to": "claimed"}


def test_rows_in_different_states_move_together_each_with_its_own_words(make_case: Callable[..., Case]) -> None:
    cases = [make_case("marie", "due"), make_case("omar", "noticed"), make_case("zoé", "due")]
    audit.transition(
        cases, CaseState.SPARED, kind=Event.CASE_HELD, actor="portal", now=LATER, data=lambda case: {"n": case.pk}
    )
    assert {case.state for case in Case.objects.all()} == {"spared"}
    said = {entry.subject: entry.data for entry in entries("case.held")}
    assert said == {
        case.account.username: {"n": case.pk, "from": state, "to": "spared"}
        for case, state in zip(cases, ("due", "noticed", "due"), strict=True)
    }


@pytest.mark.parametrize("origin", CaseState)
def test_moves_of_a_case_outside_the_table_are_refused(make_case: Callable[..., Case], origin: CaseState) -> None:
    case = make_case(state=origin)
    for target in set(CaseState) - set(CASE_TRANSITIONS[origin]):
        with pytest.raises(IllegalTransition):
            audit.transition([case], target, kind=Event.CASE_HELD, actor="portal", now=LATER)
        assert Case.objects.get().state == case.state == origin, target
        assert not entries("case.held"), target


@pytest.mark.parametrize("origin", CleanupState)
def test_moves_of_a_cleanup_outside_the_table_are_refused(workspace: Workspace, origin: CleanupState) -> None:
    cleanup = factories.make_cleanup(workspace, number=1, state=origin)
    for target in set(CleanupState) - set(CLEANUP_TRANSITIONS[origin]):
        with pytest.raises(IllegalTransition):
            audit.transition([cleanup], target, kind=Event.CASE_HELD, actor="portal", now=LATER)
        assert Cleanup.objects.get().state == origin, target
        assert not entries("case.held"), target


def test_a_row_that_changed_meanwhile_is_a_conflict_and_nothing_happens(make_case: Callable[..., Case]) -> None:
    first, second, third = make_case("marie", "noticed"), make_case("omar", "due"), make_case("zoé", "due")
    Case.objects.filter(pk=third.pk).update(state="withdrawn")
    with pytest.raises(audit.Conflict, match="omar"):
        audit.transition(
            [first, second, third],
            CaseState.SPARED,
            kind=Event.CASE_HELD,
            actor="portal",
            now=LATER,
            outcome={"why": "x"},
        )
    assert [case.state for case in Case.objects.order_by("pk")] == ["noticed", "due", "withdrawn"]
    assert [case.state for case in (first, second, third)] == ["noticed", "due", "due"]
    assert Case.objects.get(pk=first.pk).outcome is None
    assert not entries("case.held")


def test_a_condition_that_does_not_hold_is_a_conflict(make_case: Callable[..., Case]) -> None:
    case = make_case(state="claimed")
    with pytest.raises(audit.Conflict):
        audit.transition(
            [case], CaseState.INTENDED, kind=Event.CASE_HELD, actor="portal", now=LATER, expect={"lease_until": LATER}
        )
    assert Case.objects.get().state == "claimed"
    assert not entries("case.held")


def test_when_the_entry_cannot_be_written_nothing_happens(
    make_case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()

    def full_disk(rows: object) -> None:
        raise IntegrityError("no space left on device")

    monkeypatch.setattr(transitions, "append", full_disk)
    with pytest.raises(IntegrityError):
        audit.transition([case], CaseState.SPARED, kind=Event.CASE_HELD, actor="portal", now=LATER)
    assert Case.objects.get().state == case.state == "due"


def test_when_the_act_fails_its_entry_is_not_kept(make_case: Callable[..., Case]) -> None:
    case, before = make_case(), audit.verify()
    with pytest.raises(IntegrityError):
        audit.transition(
            [case], CaseState.SPARED, kind=Event.CASE_HELD, actor="portal", now=LATER, approved_by_login=None
        )
    assert Case.objects.get().state == "due"
    assert audit.verify() == before


def test_moving_nothing_writes_nothing(workspace: Workspace) -> None:
    before = audit.verify()
    audit.transition([], CaseState.SPARED, kind=Event.CASE_HELD, actor="portal", now=LATER)
    assert audit.verify() == before


def test_a_note_tells_whom_it_is_about(make_case: Callable[..., Case], workspace: Workspace) -> None:
    case = make_case()
    rows: list[Any] = [workspace, case.cleanup, case.account, case]
    for row in rows:
        audit.log([row], kind=Event.CASE_HELD, actor="rita", now=LATER, data={"x": 1})
    told = [(entry.workspace, entry.cleanup, entry.subject, entry.account_id) for entry in entries("case.held")]
    account = case.account_id
    assert told == [
        ("main", None, "", None),
        ("main", 1, "", None),
        ("main", None, "marie", account),
        ("main", 1, "marie", account),
    ]
