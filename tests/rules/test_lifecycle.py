"""The move tables: where a case and a clean-up can go, and where they never can."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

import pytest

from accounts_review.models.cleanup import CASE_LABELS, CLEANUP_LABELS
from accounts_review.rules.lifecycle import (
    CASE_TRANSITIONS,
    CLEANUP_TRANSITIONS,
    ENDED,
    IN_FLIGHT,
    WITHDRAWABLE,
    CaseState,
    CleanupState,
    IllegalTransition,
)

State = TypeVar("State", CaseState, CleanupState)


def reachable(table: Mapping[State, Collection[State]], start: State, *, without: State | None = None) -> set[State]:
    """The states that can come after ``start``, and itself, on ways that avoid a state."""
    found, waiting = {start}, [start]
    while waiting:
        following = set(table[waiting.pop()]) - found - {without}
        found |= following
        waiting += following
    return found


def test_every_state_of_a_case_is_reachable_from_the_draft() -> None:
    assert reachable(CASE_TRANSITIONS, CaseState.IN_DRAFT) == set(CaseState) == set(CASE_TRANSITIONS)


def test_every_state_of_a_cleanup_is_reachable_from_the_draft() -> None:
    assert reachable(CLEANUP_TRANSITIONS, CleanupState.DRAFT) == set(CleanupState) == set(CLEANUP_TRANSITIONS)


@pytest.mark.parametrize("state", CaseState)
def test_from_every_state_a_case_can_come_to_its_end(state: CaseState) -> None:
    assert reachable(CASE_TRANSITIONS, state) & ENDED


def test_ended_states_have_no_way_out_and_all_others_have() -> None:
    assert (
        {
            CaseState.REVOKED,
            CaseState.ALREADY_GONE,
            CaseState.SPARED,
            CaseState.REFUSED,
            CaseState.WOULD_REVOKE,
            CaseState.WITHDRAWN,
        }
        == ENDED
        == {state for state in CaseState if not CASE_TRANSITIONS[state]}
    )
    ended_cleanups = {state for state in CleanupState if not CLEANUP_TRANSITIONS[state]}
    assert ended_cleanups == {CleanupState.CLOSED, CleanupState.CANCELLED}


@pytest.mark.parametrize("outcome", [CaseState.REVOKED, CaseState.REFUSED, CaseState.UNKNOWN])
@pytest.mark.parametrize("step", [CaseState.CLAIMED, CaseState.INTENDED])
def test_no_way_leads_to_the_outcome_of_a_delete_but_through_a_claim_and_an_intent(
    step: CaseState, outcome: CaseState
) -> None:
    table = dict(CASE_TRANSITIONS) | {CaseState.CLAIMED: CASE_TRANSITIONS[CaseState.CLAIMED] - {CaseState.REVOKED}}
    assert CaseState.REVOKED in CASE_TRANSITIONS[CaseState.CLAIMED], "where an earlier intent's DELETE did have effect"
    assert outcome not in reachable(table, CaseState.IN_DRAFT, without=step)


def test_an_unknown_outcome_needs_a_new_claim_before_another_intent() -> None:
    assert CaseState.INTENDED in reachable(CASE_TRANSITIONS, CaseState.UNKNOWN)
    assert CaseState.INTENDED not in reachable(CASE_TRANSITIONS, CaseState.UNKNOWN, without=CaseState.CLAIMED)


def test_after_an_intent_the_case_never_goes_straight_back() -> None:
    assert CASE_TRANSITIONS[CaseState.INTENDED] <= {
        CaseState.REVOKED,
        CaseState.REFUSED,
        CaseState.UNKNOWN,
        CaseState.DUE,  # the workspace refused access: nothing was done, and it is due again (law 8)
    }


def test_an_undeliverable_notice_never_leads_to_a_delete_but_through_another_notice() -> None:
    assert CaseState.NOTICED in reachable(CASE_TRANSITIONS, CaseState.UNDELIVERABLE)
    assert CaseState.DUE not in reachable(CASE_TRANSITIONS, CaseState.UNDELIVERABLE, without=CaseState.NOTICED)


def test_a_person_can_take_an_account_out_until_a_worker_has_claimed_it() -> None:
    assert {
        CaseState.IN_DRAFT,
        CaseState.AWAITING_NOTICE,
        CaseState.NOTICED,
        CaseState.UNDELIVERABLE,
        CaseState.DUE,
    } == WITHDRAWABLE
    assert {CaseState.CLAIMED, CaseState.INTENDED, CaseState.UNKNOWN} == IN_FLIGHT
    assert not WITHDRAWABLE & IN_FLIGHT


def test_a_cleanup_runs_only_after_launch_and_can_be_paused_and_resumed() -> None:
    assert CleanupState.PAUSED in CLEANUP_TRANSITIONS[CleanupState.RUNNING]
    assert CleanupState.RUNNING in CLEANUP_TRANSITIONS[CleanupState.PAUSED]
    assert CleanupState.CLOSED not in reachable(CLEANUP_TRANSITIONS, CleanupState.DRAFT, without=CleanupState.RUNNING)
    assert CleanupState.DRAFT not in {state for moves in CLEANUP_TRANSITIONS.values() for state in moves}


def test_an_illegal_move_names_its_subject_and_both_states_as_people_write_them() -> None:
    refused = IllegalTransition(subject="ana in main #3", origin="in_draft", target=CaseState.REVOKED)
    assert str(refused).startswith("ana in main #3 cannot go from 'in_draft' to 'revoked'")


def test_every_state_has_a_label_of_its_own() -> None:
    assert set(CASE_LABELS) == set(CaseState)
    assert set(CLEANUP_LABELS) == set(CleanupState)
    for labels in (CASE_LABELS.values(), CLEANUP_LABELS.values()):
        assert len({str(label) for label in labels}) == len(labels)
        assert all(str(label).strip() for label in labels)
