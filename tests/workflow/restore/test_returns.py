"""Returns: who came back after a revocation is noticed once, and the return rate is counted by segment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts_review.audit.sentences import of_entry
from accounts_review.models import Case
from accounts_review.workflow.restore import returns
from tests.stage import NOW, SetStage, Stage, someone

from .test_restore import GROUPS, entry, restored, revoked


def comes_back(stage: Stage, username: str = "marie", *, hours: float = 24, **fields: Any) -> None:
    """Somebody joins so many hours after the clock's start, and a sync reads it two days after it."""
    joined = (NOW + timedelta(hours=hours)).isoformat()
    stage.site.workspace.put(someone(username, joined_at=joined, **fields))
    reads(stage)


def reads(stage: Stage) -> None:
    stage.clock.advance(days=2)
    stage.sync()


def noted(stage: Stage) -> list[str]:
    cases = returns.log_returns(workspace=stage.workspace, now=stage.clock())
    return [case.account.username for case in cases]


def test_a_return_is_noticed_once_and_linked(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"), someone("omar"))
    comes_back(stage)
    assert noted(stage) == ["marie"]
    assert noted(stage) == []
    assert stage.case("marie").returned_at == stage.clock()
    assert stage.case("omar").returned_at is None
    kept = entry("account.returned")
    assert of_entry(kept) == "is a member again"
    assert (kept.actor, kept.subject, kept.account_id) == ("portal", "marie", stage.case("marie").account_id)
    joined = (NOW + timedelta(days=1)).isoformat()
    back = stage.account("marie")
    assert kept.details == {"account": back.pk, "username": "marie", "joined": joined, "restored": False}
    assert back.pk != stage.case("marie").account_id


def test_a_person_is_known_by_address_under_another_username(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    comes_back(stage, "m.dupont", email="Marie@Ville.example")
    assert noted(stage) == ["marie"]
    assert entry("account.returned").details["username"] == "m.dupont"


def test_people_without_an_address_are_not_taken_for_each_other(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    case = stage.case("marie")
    case.account.email = ""
    case.account.save()
    comes_back(stage, "other", email="")
    assert noted(stage) == []


def test_a_namesake_who_was_there_before_is_no_return(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"), someone("marie.2", idle=3, email="marie@ville.example"))
    reads(stage)
    assert noted(stage) == []


@pytest.mark.parametrize("joined", ["2031-01-01T00:00:00+00:00", "2026-06-16T08:00:00", "yesterday", None])
def test_a_date_of_joining_that_cannot_be_believed_proves_no_return(set_stage: SetStage, joined: str | None) -> None:
    stage = revoked(set_stage, someone("marie"))
    stage.site.workspace.put(someone("marie.2", email="marie@ville.example", joined_at=joined))
    reads(stage)
    assert noted(stage) == []


def test_the_same_incarnation_listed_again_is_a_return(set_stage: SetStage) -> None:
    marie = someone("marie")
    stage = revoked(set_stage, marie)
    stage.site.workspace.put(marie)
    reads(stage)
    assert noted(stage) == ["marie"]


def test_somebody_whose_removal_had_no_effect_is_not_said_to_be_back(set_stage: SetStage) -> None:
    """The workspace answered 204, and lists the same membership as before."""
    stage = set_stage(someone("marie"), launched=("marie",))
    stage.order({"kind": "status", "method": "DELETE", "status": 204})
    assert stage.revoke() == {"revoked": 1}
    assert "marie" in stage.members
    reads(stage)
    assert noted(stage) == ["marie"]
    said = "is listed with the same joining date as before: the removal had no effect, or was undone"
    assert of_entry(entry("account.returned")) == said


def test_a_sync_that_began_before_the_revocation_proves_no_return(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    account = stage.account("marie")
    account.gone_at = None
    account.save()
    assert noted(stage) == []


def test_the_return_of_somebody_invited_back_is_noted_as_such(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    restored(stage, "marie")
    stage.update("marie", joined_at=(NOW + timedelta(minutes=1)).isoformat())
    reads(stage)
    assert noted(stage) == ["marie"]
    assert entry("account.returned").data["restored"] is True


def test_the_return_rate_is_counted_by_segment(set_stage: SetStage) -> None:
    policy = """
title = "Two segments"
[[segment]]
name = "partners"
groups = ["partners"]
dormant_after_days = 90
[[segment]]
name = "everyone else"
dormant_after_days = 730
[protect]
permissions = []
groups = []
[notice]
days = 0
[launch]
wait_hours = 0
[limits]
share_of_population = 0.5
"""
    partners = [someone(f"partner{number}", groups=[{"uid": "partners"}]) for number in range(3)]
    stage = revoked(set_stage, someone("marie"), *partners, policy=policy, **GROUPS)
    assert returns.return_rates(workspace=stage.workspace)[0].percent == 0
    restored(stage, "partner0")
    stage.update("partner0", joined_at=(NOW + timedelta(hours=1)).isoformat())
    comes_back(stage, "partner1")
    noted(stage)
    Case.objects.filter(account__username="marie").update(restored_at=NOW)
    figures = returns.return_rates(workspace=stage.workspace)
    assert [(r.segment, r.revoked, r.returned, r.restored, r.percent) for r in figures] == [
        ("partners", 3, 1, 1, 66.7),
        ("everyone else", 1, 0, 0, 0),
    ]
