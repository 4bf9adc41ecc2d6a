"""A sync that looks wrong is quarantined: it clears people, adds nobody, and stops revocations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connections

from accounts_review.models import AuditEntry
from accounts_review.workflow.assess import assess
from accounts_review.workflow.sync.sync import NothingTripped, reset_breaker
from tests.stage import SetStage, Stage, days_ago, someone

Person = Callable[[str], User]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Twenty people who use the portal, and two dormant ones."""
    return set_stage(someone("marie"), someone("omar"))


def lose_dates(stage: Stage, count: int) -> None:
    for number in range(count):
        stage.update(f"crowd.{number:04d}", last_seen_at=None, last_login_at=None)


def test_dates_that_vanish_quarantine_the_sync(stage: Stage) -> None:
    lose_dates(stage, 4)
    done = stage.sync()
    assert done.state == "quarantined"
    (anomaly,) = done.anomalies
    assert anomaly == {"code": "activity_lost", "before": 0, "after": 4, "allowed": 3, "tripped": True}
    assert [check["code"] for check in done.checks] == ["activity_lost", "population_changed", "candidates_multiplied"]
    assert "dormant" not in {stage.verdicts()[f"crowd.{number:04d}"] for number in range(4)}
    assert stage.verdicts()["marie"] == "dormant"


def test_three_people_may_lose_theirs(stage: Stage) -> None:
    lose_dates(stage, 3)
    assert stage.sync().state == "complete"


def test_the_same_wrong_answer_again_is_quarantined_again(stage: Stage) -> None:
    lose_dates(stage, 4)
    stage.sync()
    assert stage.sync().state == "quarantined"


def test_a_population_that_shrinks_is_quarantined_and_nobody_counts_as_absent(stage: Stage) -> None:
    for number in range(6):
        stage.remove(f"crowd.{number:04d}")
    done = stage.sync()
    assert [anomaly["code"] for anomaly in done.anomalies] == ["population_changed"]
    assert stage.workspace.accounts.listed().count() == done.read + 6


def test_candidates_that_multiply_are_quarantined_whatever_the_reason(stage: Stage) -> None:
    for number in range(8):
        stage.update(f"crowd.{number:04d}", last_seen_at=days_ago(1000), joined_at=days_ago(1200))
    stage.workspace.accounts.update(accepted_activity_at=None)
    codes = [anomaly["code"] for anomaly in stage.sync().anomalies]
    assert codes == ["candidates_multiplied"]


def test_a_quarantined_sync_still_clears_who_was_seen(stage: Stage) -> None:
    lose_dates(stage, 5)
    stage.update("marie", last_seen_at=days_ago(1))
    assert stage.sync().state == "quarantined"
    assert stage.verdicts()["marie"] == "active"


def test_a_first_sync_cannot_trip(set_stage: SetStage) -> None:
    assert set_stage(*(someone(f"old.{number}") for number in range(30)), others=0).workspace.is_quarantined is False


@pytest.mark.parametrize("discard", [False, True])
def test_a_person_resets_it_with_a_reason(stage: Stage, person: Person, discard: bool) -> None:
    lose_dates(stage, 4)
    stage.sync()
    reset(stage, person("administrator"), discard=discard)
    assert not stage.workspace.is_quarantined
    assert stage.workspace.syncs.latest("pk").state == ("discarded" if discard else "complete")
    entry = AuditEntry.objects.get(kind="breaker.reset")
    assert (entry.actor, entry.details["reason"], entry.data["accepted"]) == ("administrator", "looked", not discard)


@pytest.mark.django_db(transaction=True)
def test_numbers_are_not_accepted_while_a_sync_runs_that_may_replace_them(stage: Stage, person: Person) -> None:
    lose_dates(stage, 4)
    stage.sync()
    other = connections.create_connection("default")
    with closing(other), other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [0x73796E63, stage.workspace.pk])
        with pytest.raises(NothingTripped, match="A sync is running"):
            reset(stage, person("administrator"), discard=False)
        cursor.execute("SELECT pg_advisory_unlock_all()")
    reset(stage, person("administrator"), discard=False)
    assert stage.sync().state == "complete"


def test_accepted_numbers_are_the_new_baseline(stage: Stage, person: Person) -> None:
    lose_dates(stage, 4)
    stage.sync()
    reset(stage, person("administrator"), discard=False)
    assert stage.sync().state == "complete"


def test_discarded_numbers_trip_it_again(stage: Stage, person: Person) -> None:
    lose_dates(stage, 4)
    stage.sync()
    reset(stage, person("administrator"), discard=True)
    assert stage.sync().state == "quarantined"


def test_only_an_administrator_resets_it_and_only_with_a_reason(stage: Stage, person: Person) -> None:
    lose_dates(stage, 4)
    stage.sync()
    with pytest.raises(PermissionDenied):
        reset(stage, person("operator"), discard=False)
    with pytest.raises(NothingTripped, match="Give a reason; it is recorded in the audit"):
        reset(stage, person("administrator"), discard=False, reason=" ")
    assert stage.workspace.is_quarantined


def test_a_breaker_that_did_not_trip_cannot_be_reset(stage: Stage, person: Person) -> None:
    with pytest.raises(NothingTripped):
        reset(stage, person("administrator"), discard=False)


def reset(stage: Stage, actor: User, *, discard: bool, **changes: Any) -> None:
    given = {"reason": "looked"} | changes
    reset_breaker(workspace=stage.workspace, actor=actor, discard=discard, now=stage.clock(), **given)
    assess.assess(workspace=stage.workspace)


def test_what_we_removed_ourselves_is_no_anomaly(set_stage: SetStage) -> None:
    stage = set_stage(
        *(someone(f"old.{number}") for number in range(10)),
        others=15,
        launched=[f"old.{number}" for number in range(10)],
    )
    assert stage.revoke()["revoked"] == 10
    assert stage.sync().state == "complete"
