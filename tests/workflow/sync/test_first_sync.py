"""A first sync has nothing to compare with: where it shows no signs of use, that is no sign of disuse (law 1)."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.models import Account
from accounts_review.workflow.assess import assess
from accounts_review.workflow.review import decide
from accounts_review.workflow.sync.sync import reset_breaker
from huwise_sandbox.records import Record
from tests.stage import SERVICE_USER, SetStage, Stage, someone

NEVER: dict[str, Any] = {"last_seen_at": None, "last_login_at": None}


def old(count: int, **fields: Any) -> list[Record]:
    return [someone(f"old.{number:03d}", **fields) for number in range(count)]


def first(set_stage: SetStage, people: list[Record], *, service: dict[str, Any] | None = None) -> Stage:
    stage = set_stage(*people, others=0, synced=False)
    stage.update(SERVICE_USER, **(service or {}))
    return stage


def reset(stage: Stage, *, discard: bool) -> None:
    given: dict[str, Any] = {"reason": "this is so", "discard": discard, "now": stage.clock()}
    reset_breaker(workspace=stage.workspace, actor=stage.staff("administrator"), **given)
    assess.assess(workspace=stage.workspace)


@pytest.mark.matrix(fast=2, reason="each way is a sync of its own")
@pytest.mark.parametrize("absent", [None, "", "soon", "1970-01-01T00:00:00Z"], ids=str)
@pytest.mark.parametrize("size", [3, 90])
def test_where_nobody_was_ever_seen_nobody_can_be_approved(set_stage: SetStage, absent: object, size: int) -> None:
    dates = {"last_seen_at": absent, "last_login_at": absent}
    stage = first(set_stage, old(size, **dates), service=dates)
    done = stage.sync()
    assert done.state == "quarantined"
    assert "nobody_seen" in [anomaly["code"] for anomaly in done.anomalies]
    assert set(stage.verdicts().values()) <= {"uncertain", "protected", "active"}
    with pytest.raises(decide.DecisionRefused):
        stage.approve("old.001")
    assert stage.sync().state == "quarantined", "once more, it is as wrong as before"


@pytest.mark.parametrize(("used", "state"), [(3, "quarantined"), (4, "complete")])
def test_where_nearly_nobody_ever_used_theirs_the_dates_are_taken_for_missing(
    set_stage: SetStage, used: int, state: str
) -> None:
    """Of twenty, four fifths may never have used theirs."""
    people = old(20 - used, **NEVER) + [someone(f"used.{number}") for number in range(used - 1)]
    stage = first(set_stage, people)
    done = stage.sync()
    assert (done.state, done.read) == (state, 20)
    assert (stage.verdicts()["old.001"] == "dormant") is (state == "complete")


def test_a_few_accounts_may_all_but_one_be_unused(set_stage: SetStage) -> None:
    assert first(set_stage, old(18, **NEVER)).sync().state == "complete"


def test_an_administrator_may_say_that_it_is_so(set_stage: SetStage) -> None:
    stage = first(set_stage, old(30, **NEVER), service=NEVER)
    stage.sync()
    reset(stage, discard=False)
    assert stage.verdicts()["old.001"] == "dormant"
    assert stage.approve("old.001")
    assert stage.sync().state == "complete", "from now on it is what is usual"


def test_one_that_was_discarded_leaves_the_next_as_the_first(set_stage: SetStage) -> None:
    stage = first(set_stage, old(30, **NEVER), service=NEVER)
    stage.sync()
    reset(stage, discard=True)
    assert "dormant" not in stage.verdicts().values()
    assert stage.sync().state == "quarantined"
    for number in range(30):
        stage.update(f"old.{number:03d}", last_seen_at="2021-01-01T00:00:00+00:00")
    assert stage.sync().state == "complete"
    assert stage.verdicts()["old.001"] == "dormant"
    assert not Account.objects.filter(incomplete=True).exists()


def test_an_empty_first_list_shows_nobody(set_stage: SetStage) -> None:
    stage = set_stage(others=0, synced=False)
    stage.order({"path": "/users", "kind": "status", "status": 200, "body": {"total_count": 0, "results": []}})
    assert stage.sync().state == "quarantined"
