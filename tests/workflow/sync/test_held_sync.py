"""A sync that tripped the breaker leaves nothing behind until a person decides, and nothing but that decision after."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.models import Account, HeldRecord, HeldSync
from accounts_review.workflow.assess import assess
from accounts_review.workflow.review import decide
from accounts_review.workflow.sync.sync import reset_breaker
from huwise_sandbox import records
from tests.stage import NOW, SetStage, Stage, days_ago, someone

DATES = ("joined_at", "last_seen_at", "last_login_at")
OLD = [f"old.{number}" for number in range(12)]
PAGE_FAILS: dict[str, Any] = {"path": "/users", "kind": "status", "status": 502, "after": 1}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*(someone(name) for name in OLD), others=30)


def spoil(stage: Stage, *names: str) -> dict[str, dict[str, Any]]:
    """Null dates for everybody; what they were is given back."""
    before = {}
    for name in sorted(stage.site.workspace.usernames()):
        record = stage.site.workspace.user(name) or {}
        before[name] = {field: record[field] for field in names or DATES}
        stage.update(name, **dict.fromkeys(names or DATES))
    return before


def mend(stage: Stage, before: dict[str, dict[str, Any]]) -> None:
    for name, fields in before.items():
        stage.update(name, **fields)


def reset(stage: Stage, *, discard: bool = False) -> str:
    given: dict[str, Any] = {"reason": "looked", "discard": discard, "now": stage.clock()}
    done = reset_breaker(workspace=stage.workspace, actor=stage.staff("administrator"), **given)
    assess.assess(workspace=stage.workspace)
    return done.state


def everything_known() -> list[tuple[Any, ...]]:
    return list(Account.objects.order_by("pk").values_list("username", "raw", "read_at", "incomplete", "absent_since"))


@pytest.mark.parametrize("names", [DATES, DATES[1:]], ids=len)
def test_every_page_shows_the_last_good_sync_while_one_is_set_aside(stage: Stage, names: tuple[str, ...]) -> None:
    known, verdicts = everything_known(), stage.verdicts()
    spoil(stage, *names)
    stage.clock.advance(days=1)
    assert stage.sync().state == "quarantined"
    assert (everything_known(), stage.verdicts()) == (known, verdicts)


@pytest.mark.matrix(fast=2, reason="each answer is many syncs")
@pytest.mark.parametrize("names", [DATES, DATES[1:]], ids=len)
@pytest.mark.parametrize("times", [1, 3])
def test_the_same_wrong_answer_is_wrong_however_often_it_is_ignored(
    stage: Stage, names: tuple[str, ...], times: int
) -> None:
    before = spoil(stage, *names)
    for _ in range(times):
        stage.clock.advance(days=1)
        done = stage.sync()
        assert (done.state, done.absent) == ("quarantined", 0)
        assert reset(stage, discard=True) == "discarded"
    for _ in range(4):
        mend(stage, before)
        assert stage.sync().state == "complete"
        assert list(stage.verdicts().values()).count("dormant") == len(OLD)
    spoil(stage, *names)
    assert stage.sync().state == "quarantined", "nor is it known after good ones"


def test_a_good_sync_after_one_that_broke_off_is_good_although_every_record_changed(set_stage: SetStage) -> None:
    stage = set_stage(*(someone(name) for name in OLD), others=1100)
    for name in stage.site.workspace.usernames():
        stage.update(name, display_name="a new field")
    stage.order(PAGE_FAILS)
    assert stage.sync().state == "incomplete"
    stage.order()
    done = stage.sync()
    assert (done.state, done.anomalies) == ("complete", [])
    assert stage.approve(*OLD)


def test_a_sync_that_clears_and_is_not_accepted_does_not_count_as_what_was_before(stage: Stage) -> None:
    """Everybody was seen today, says an answer that breaks off: the next good one is as good as the one before."""
    before = spoil(stage, "last_seen_at")
    for name in OLD:
        stage.update(name, last_seen_at=NOW.isoformat())
    stage.order({"path": "/users", "kind": "wrong_total", "delta": 1})
    stage.sync()
    stage.order()
    mend(stage, before)
    assert stage.sync().state == "complete"
    assert stage.approve(*OLD)


def test_exemptions_do_not_make_candidates_of_those_who_change(stage: Stage) -> None:
    given: Any = {"reason": "leave", "until": NOW.replace(year=2027), "now": NOW}
    decide.exempt(accounts=stage.accounts(*OLD), actor=stage.staff("reviewer"), **given)
    for name in OLD:
        stage.update(name, display_name="changed")
    assert stage.sync().anomalies == []


def test_judging_that_was_killed_makes_the_next_sync_no_worse(stage: Stage) -> None:
    for account in Account.objects.all():
        account.assessment.delete()
    stage.update("old.1", display_name="changed")
    assert stage.sync().state == "complete"


def test_used_it_confirms_everyone_it_saw_with_whatever_dates(stage: Stage) -> None:
    """Those that it changed, those whose record was the same, and who is new or gone."""
    for number in range(9):
        stage.update(f"crowd.{number:04d}", last_seen_at=days_ago(900), joined_at=days_ago(1365))
    stage.site.workspace.put(someone("newcomer"))
    stage.remove("old.0")
    group = records.group("team", "Team", ["edit_page"])
    stage.site.workspace._groups["team"] = group
    assert stage.sync().state == "quarantined"
    assert "newcomer" not in stage.verdicts()
    assert reset(stage) == "complete"
    verdicts = stage.verdicts()
    assert (verdicts["newcomer"], verdicts["crowd.0001"], verdicts["old.1"]) == ("dormant", "dormant", "dormant")
    assert "old.0" not in verdicts
    assert stage.workspace.groups.get().uid == "team"
    assert stage.approve("newcomer", "old.1", "crowd.0001")
    assert stage.sync().state == "complete"
    assert not HeldSync.objects.exists()
    assert not HeldRecord.objects.exists()


def test_of_several_the_newest_is_used(stage: Stage) -> None:
    spoil(stage, *DATES[1:])
    stage.sync()
    for number in range(10):
        stage.update(f"crowd.{number:04d}", last_seen_at=days_ago(2), joined_at=days_ago(368))
    stage.sync()
    assert HeldSync.objects.count() == 1
    assert reset(stage) == "complete"
    assert stage.account("crowd.0001").accepted_activity_at == NOW.replace(day=13)
    assert sorted(stage.workspace.syncs.values_list("state", flat=True)) == ["complete", "complete", "discarded"]


def test_a_good_sync_in_the_meantime_stays_in_use(stage: Stage) -> None:
    before = spoil(stage)
    stage.sync()
    mend(stage, before)
    stage.clock.advance(days=1)
    assert stage.sync().state == "complete"
    assert stage.workspace.is_quarantined, "a person has to look all the same"
    verdicts = stage.verdicts()
    assert reset(stage) == "discarded"
    assert not stage.workspace.is_quarantined
    assert stage.verdicts() == verdicts


def test_a_hostile_record_is_kept_aside_byte_for_byte(stage: Stage) -> None:
    spoil(stage, *DATES[1:])
    stage.update("old.1", display_name="a \x00")
    stage.sync()
    reset(stage)
    assert stage.account("old.1").display_name == "a \ufffd"
    assert stage.sync().changed == 0
