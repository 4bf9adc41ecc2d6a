"""A complete sync that is wrong all the same: it adds no candidate and loses nobody (laws 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts_review.models import Account
from accounts_review.workflow.review import decide
from huwise_sandbox import records
from huwise_sandbox.records import Record
from tests.stage import NOW, SetStage, Stage, days_ago, someone

Spoil = Callable[[Record], dict[str, Any]]

TEAM = records.group("team", "Team", ["edit_domain"])
DATES = ("joined_at", "last_seen_at", "last_login_at")
MEMBERS = [*(f"crowd.{number:04d}" for number in range(20)), "marie", "omar", "chief"]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Twenty people who use the portal, two dormant ones, one of them exempt, and an idle administrator."""
    stage = set_stage(someone("marie"), someone("omar"), someone("chief", groups=[{"uid": "team"}]), groups=[TEAM])
    given: Any = {"reason": "leave", "until": NOW + timedelta(days=90), "now": NOW}
    decide.exempt(accounts=stage.accounts("omar"), actor=stage.staff("reviewer"), **given)
    assert [stage.verdicts()[name] for name in ("marie", "omar", "chief")] == ["dormant", "protected", "protected"]
    return stage


def spoil(stage: Stage, change: Spoil) -> None:
    for name in MEMBERS:
        stage.update(name, **change(stage.site.workspace.user(name) or {}))


def shifted(record: Record) -> dict[str, Any]:
    return {"joined_at": days_ago(3000), "last_seen_at": days_ago(1500), "last_login_at": None}


SPOILT: dict[str, Spoil] = {
    "all dates are null": lambda record: dict.fromkeys(DATES),
    "all dates are empty": lambda record: dict.fromkeys(DATES, ""),
    "all dates are rubbish": lambda record: dict.fromkeys(DATES, "soon"),
    "dates of joining are null": lambda record: {"joined_at": None},
    "nobody was ever seen": lambda record: dict.fromkeys(DATES[1:]),
    "all dates lie four years back": shifted,
    "only dates of joining are given, and older": lambda record: shifted(record) | dict.fromkeys(DATES[1:]),
    "dates of joining are written in another way": lambda record: {"joined_at": record["joined_at"][:10] + "T00:00Z"},
}


@pytest.mark.matrix(fast=3, reason="each reading is two syncs")
@pytest.mark.parametrize("change", SPOILT.values(), ids=SPOILT)
def test_a_reading_whose_dates_are_wrong_is_quarantined_adds_nobody_and_loses_nobody(
    stage: Stage, change: Spoil
) -> None:
    dormant = {name for name, verdict in stage.verdicts().items() if verdict == "dormant"}
    spoil(stage, change)
    assert stage.sync().state == "quarantined"
    after = stage.verdicts()
    assert {name for name, verdict in after.items() if verdict == "dormant"} <= dormant
    assert set(after) >= set(MEMBERS)
    assert not Account.objects.exclude(absent_since=None).exists()


def test_a_username_that_was_given_away_is_no_anomaly(stage: Stage) -> None:
    for number in range(5):
        stage.update(f"crowd.{number:04d}", joined_at=days_ago(0.5), last_seen_at=None, last_login_at=None)
    assert stage.sync().state == "complete"
    assert stage.verdicts()["crowd.0000"] == "active"


def test_an_administrator_whose_group_lost_its_rights_in_the_list_only_is_in_doubt(stage: Stage) -> None:
    """``/groups/`` says that the team may nothing, and the API's own list of administrators still has its member."""
    workspace = stage.site.workspace
    truly = workspace.effective_permissions
    workspace._groups["team"] = workspace._groups["team"] | {"permissions": []}
    workspace.effective_permissions = lambda record: (  # type: ignore[method-assign]
        truly(record) | ({"edit_domain"} if record["username"] == "chief" else set())
    )
    stage.sync()
    assert stage.verdicts()["chief"] == "uncertain"
    assert [why["code"] for why in stage.account("chief").assessment.reasons] == ["disputed_right"]


def test_groups_that_vanish_from_the_list_leave_their_members_in_doubt(stage: Stage) -> None:
    stage.site.workspace._groups.clear()
    stage.sync()
    assert stage.verdicts()["chief"] == "uncertain"


def test_an_answer_without_groups_leaves_everyone_in_doubt(stage: Stage) -> None:
    for name in MEMBERS:
        stage.update(name, groups=None)
    stage.sync()
    assert "dormant" not in stage.verdicts().values()
