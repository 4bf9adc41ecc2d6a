"""Whoever acts on what is no longer so reads what it is now, in their language and without codes."""

from __future__ import annotations

from django.utils.translation import override

from accounts_review import audit
from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.rules.lifecycle import CaseState, CleanupState, IllegalTransition
from accounts_review.web.shared import too_late

CLEANUP = Cleanup(workspace=Workspace(name="main"), number=3)
CASE = Case(cleanup=CLEANUP, account=Account(username="ana"))


def test_a_state_that_bars_the_act_is_named() -> None:
    said = too_late.in_words(IllegalTransition(subject=CLEANUP, origin=CleanupState.CLOSED, target=CleanupState.PAUSED))
    assert said == "Clean-up 3 is now “closed”, so this can no longer be done. Nothing was changed."
    said = too_late.in_words(IllegalTransition(subject=CASE, origin=CaseState.NOTICED, target=CaseState.IN_DRAFT))
    assert said.startswith("ana is now “warned”")


def test_what_somebody_else_changed_is_named() -> None:
    assert too_late.in_words(audit.Conflict(CASE)).startswith("ana was changed meanwhile.")


def test_no_code_is_shown_to_a_french_reader() -> None:
    with override("fr"):
        refused = IllegalTransition(
            subject=CLEANUP, origin=CleanupState.AWAITING_CONFIRMATION, target=CleanupState.PAUSED
        )
        assert "awaiting_confirmation" not in too_late.in_words(refused)


def test_any_other_problem_says_itself_what_it_is() -> None:
    assert too_late.in_words(ValueError("Select at least one.")) == "Select at least one."
