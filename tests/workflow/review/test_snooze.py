"""Snoozing: not deciding yet, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review.models import AuditEntry, Case, Snooze
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, days_ago, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie"), someone("omar"), someone("zoe", idle=3))


def given(stage: Stage, *usernames: str, by: str = "reviewer") -> dict[str, Any]:
    accounts, actor = stage.accounts(*usernames), stage.staff(by)
    return {"accounts": accounts, "actor": actor, "reason": "left", "now": stage.clock()}


def until(stage: Stage, days: int = 100) -> Any:
    return stage.clock() + timedelta(days=days)


def set_aside(stage: Stage) -> set[str]:
    return set(Snooze.objects.in_force().values_list("account__username", flat=True))


def test_setting_aside_decides_nothing_and_is_recorded(stage: Stage) -> None:
    decide.snooze(**given(stage, "marie", "omar"))
    assert set_aside(stage) == {"marie", "omar"}
    assert not Case.objects.exists()
    assert {entry.actor for entry in AuditEntry.objects.filter(kind="account.snoozed")} == {"reviewer"}


def test_setting_aside_again_is_by_who_did_it_last(stage: Stage) -> None:
    decide.snooze(**given(stage, "marie"))
    decide.snooze(**given(stage, "marie", by="operator"))
    assert stage.account("marie").snooze.by_login == "operator"


@pytest.mark.parametrize("verb", ["approve", "exempt"])
def test_a_decision_ends_it(stage: Stage, verb: str) -> None:
    decide.snooze(**given(stage, "marie"))
    more = {"until": until(stage)} if verb == "exempt" else {}
    getattr(decide, verb)(**given(stage, "marie"), **more)
    assert set_aside(stage) == set()


def test_taking_it_up_again_is_recorded(stage: Stage) -> None:
    decide.snooze(**given(stage, "marie"))
    decide.withdraw(**given(stage, "marie"))
    assert set_aside(stage) == set()
    assert AuditEntry.objects.get(kind="account.unsnoozed").subject == "marie"


def test_it_ends_by_itself_when_the_account_is_judged_otherwise(stage: Stage) -> None:
    decide.snooze(**given(stage, "marie", "omar"))
    stage.update("marie", last_seen_at=days_ago(1))
    stage.sync()
    assert set_aside(stage) == {"omar"}


def test_who_is_in_a_cleanup_or_exempt_cannot_be_set_aside(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    decide.exempt(**given(stage, "omar"), until=until(stage))
    with pytest.raises(decide.DecisionRefused) as refused:
        decide.snooze(**given(stage, "marie", "omar"))
    assert {refusal.username for refusal in refused.value.refusals} == {"marie", "omar"}


def test_only_reviewers_set_aside(stage: Stage) -> None:
    with pytest.raises(PermissionDenied):
        decide.snooze(**given(stage, "marie", by="auditor"))
