"""Activity never goes backwards: whose dates do is in doubt, one account at a time, below any breaker (law 1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review.models import Account, AuditEntry
from accounts_review.workflow.assess import assess
from accounts_review.workflow.review import decide
from accounts_review.workflow.sync.accept import NothingToAccept, accept_dates
from tests.stage import NOW, SetStage, Stage, days_ago, someone

Back = Callable[[Stage], None]

GONE = {"last_seen_at": None, "last_login_at": None}
BACK: dict[str, dict[str, Any]] = {
    "gone": GONE,
    "empty": dict.fromkeys(GONE, ""),
    "long ago": {"last_seen_at": days_ago(1200)},
    "a day earlier": {"last_seen_at": days_ago(901)},
    "only the sign-in is left": {"last_seen_at": None, "last_login_at": days_ago(1000)},
    "gone, and joined later": GONE | {"joined_at": days_ago(1200)},
    "gone, and joined earlier": GONE | {"joined_at": days_ago(2000)},
    "unreadable": {"last_seen_at": "soon"},
}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie was seen ten days ago; Omar 900 days ago, which is past the limit."""
    return set_stage(someone("marie", idle=10), someone("omar", idle=900))


@pytest.mark.matrix(fast=2, reason="each way is two syncs")
@pytest.mark.parametrize("fields", BACK.values(), ids=BACK)
@pytest.mark.parametrize("username", ["marie", "omar"])
def test_an_account_whose_dates_go_back_is_in_doubt(stage: Stage, username: str, fields: dict[str, Any]) -> None:
    stage.update(username, **fields)
    stage.clock.advance(days=1)
    assert stage.sync().state == "complete"
    if stage.verdicts()[username] != "active":
        assert stage.verdicts()[username] == "uncertain"
        with pytest.raises(decide.DecisionRefused):
            stage.approve(username)
    for _ in range(3):
        stage.clock.advance(days=1)
        stage.sync()
    assert "dormant" not in stage.verdicts()[username]


@pytest.mark.matrix(fast=2, reason="each way is two syncs")
@pytest.mark.parametrize("field", GONE)
@pytest.mark.parametrize("value", [None, "", "soon", days_ago(1200)])
def test_one_date_that_goes_back_is_enough_although_the_other_is_newer(
    set_stage: SetStage, field: str, value: str | None
) -> None:
    """Whoever stays signed in is only seen, and never signs in again: the date that is left proves nothing."""
    other = next(name for name in GONE if name != field)
    stage = set_stage(someone("omar") | {field: days_ago(950), other: days_ago(900)})
    stage.update("omar", **{field: value})
    stage.sync()
    assert stage.verdicts()["omar"] == "uncertain"
    stage.update("omar", display_name="changed")
    stage.sync()
    assert stage.verdicts()["omar"] == "uncertain"
    stage.update("omar", **{field: days_ago(950)})
    stage.sync()
    assert stage.verdicts()["omar"] == "dormant"


def test_a_date_that_vanishes_for_many_trips_the_breaker_although_the_other_is_newer(set_stage: SetStage) -> None:
    crowd = [someone(f"crowd.{n}", last_seen_at=days_ago(950), last_login_at=days_ago(900)) for n in range(20)]
    stage = set_stage(*crowd)
    for record in crowd:
        stage.update(record["username"], last_seen_at=None)
    assert stage.sync().state == "quarantined"


def test_three_a_night_never_add_up(set_stage: SetStage) -> None:
    stage = set_stage(others=40)
    for night in range(10):
        stage.clock.advance(days=1)
        for number in range(3):
            stage.update(f"crowd.{3 * night + number:04d}", joined_at=days_ago(1500), **GONE)
        assert stage.sync().state == "complete"
    assert "dormant" not in stage.verdicts().values()


def test_a_doubt_about_some_does_not_trip_the_breaker_when_all_records_change(set_stage: SetStage) -> None:
    stage = set_stage(others=40)
    for night in range(4):
        for number in range(2):
            stage.update(f"crowd.{2 * night + number:04d}", **GONE)
        stage.sync()
    for name in stage.site.workspace.usernames():
        stage.update(name, display_name="changed")
    assert stage.sync().state == "complete"
    assert stage.account("crowd.0001").lost_activity_at


def test_dates_that_only_lose_their_fractions_are_the_same(set_stage: SetStage) -> None:
    joined, seen = "2020-01-01T12:00:00.123456+00:00", "2023-05-05T05:05:05.9+00:00"
    stage = set_stage(someone("marie", joined_at=joined, last_seen_at=seen), launched=("marie",))
    before = stage.account("marie").pk
    stage.update("marie", joined_at="2020-01-01T12:00:00+00:00", last_seen_at="2023-05-05T05:05:05+00:00")
    stage.sync()
    assert (stage.account("marie").pk, stage.verdicts()["marie"]) == (before, "dormant")
    stage.revoke()
    assert stage.states() == {"marie": "revoked"}


def test_dates_that_come_back_end_the_doubt(stage: Stage) -> None:
    stage.update("omar", **GONE)
    stage.sync()
    stage.update("omar", last_seen_at=days_ago(900))
    stage.sync()
    assert stage.verdicts()["omar"] == "dormant"


def test_a_username_that_is_used_again_starts_afresh(stage: Stage) -> None:
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(5), last_seen_at=None))
    stage.sync()
    assert stage.account("marie").lost_activity_at is None


def test_an_old_record_that_is_given_again_is_in_doubt(set_stage: SetStage) -> None:
    """A copy of the workspace from before the username was used again."""
    stage = set_stage(someone("marie", idle=1000))
    stale = stage.site.workspace.user("marie")
    assert stale
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(300), last_seen_at=days_ago(1)))
    stage.sync()
    assert stage.verdicts()["marie"] == "active"
    stage.site.workspace.put(stale)
    stage.sync()
    assert stage.verdicts()["marie"] == "uncertain"


class TestAccepting:
    def accept(self, stage: Stage, *, by: str = "administrator", reason: str = "Huwise moved its data") -> None:
        accept_dates(account=stage.account("omar"), actor=stage.staff(by), reason=reason, now=NOW)
        assess.assess(workspace=stage.workspace)

    def test_an_administrator_accepts_one_accounts_dates_with_a_reason(self, stage: Stage) -> None:
        stage.update("omar", last_seen_at=days_ago(1000))
        stage.sync()
        self.accept(stage)
        assert stage.verdicts()["omar"] == "dormant"
        entry = AuditEntry.objects.get(kind="account.dates_accepted")
        assert (entry.actor, entry.subject, entry.details["reason"]) == (
            "administrator",
            "omar",
            "Huwise moved its data",
        )
        stage.sync()
        assert stage.verdicts()["omar"] == "dormant"
        assert stage.approve("omar")

    def test_nobody_else_accepts_them_and_never_without_a_reason(self, stage: Stage) -> None:
        stage.update("omar", **GONE)
        stage.sync()
        with pytest.raises(PermissionDenied):
            self.accept(stage, by="operator")
        with pytest.raises(NothingToAccept, match="Give a reason; it is recorded in the audit"):
            self.accept(stage, reason="  ")
        assert stage.verdicts()["omar"] == "uncertain"

    def test_what_is_not_in_doubt_cannot_be_accepted(self, stage: Stage) -> None:
        with pytest.raises(NothingToAccept, match="not in doubt"):
            self.accept(stage)

    def test_what_was_approved_before_can_go_on_then(self, stage: Stage) -> None:
        stage.launch("omar")
        stage.update("omar", last_seen_at=days_ago(1000))
        stage.sync()
        stage.revoke()
        assert stage.states() == {"omar": "due"}
        self.accept(stage)
        stage.revoke()
        assert stage.states() == {"omar": "revoked"}


def test_a_later_sync_that_is_not_accepted_only_clears(stage: Stage) -> None:
    stage.update("omar", last_seen_at=days_ago(1), permissions=None)
    stage.order({"path": "/users", "kind": "wrong_total", "delta": 1})
    stage.sync()
    account = stage.account("omar")
    assert (account.verdict, account.assessment.reasons) == ("active", [])
    assert account.unconfirmed_activity_at == NOW - timedelta(days=1)
    stage.order()
    stage.update("omar", last_seen_at=days_ago(900), permissions=[])
    stage.sync()
    assert Account.objects.get(username="omar").unconfirmed_activity_at is None
    assert stage.verdicts()["omar"] == "dormant"
