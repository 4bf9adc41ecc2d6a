"""Pace: when e-mails may leave, and how many within an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from accounts_review.audit.events import Event
from accounts_review.workflow import workspaces
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.send import (
    allowance,
    send_notices,
)
from tests.stage import NOW, SetStage, Stage, someone
from tests.workflow.notify.test_reminders import WITH_REMINDERS

PARIS = Pace(per_hour=100, hours=(8, 18), weekdays=(1, 5), zone=ZoneInfo("Europe/Paris"))


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    stage = set_stage(someone("marie"), someone("omar"), policy=WITH_REMINDERS)
    stage.launch("marie", "omar")
    send_notices(workspace=stage.workspace, now=stage.clock())
    mail.outbox.clear()
    return stage


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-06-15T05:59:00", False),
        ("2026-06-15T06:00:00", True),
        ("2026-06-15T15:59:59", True),
        ("2026-06-15T16:00:00", False),
        ("2026-06-20T10:00:00", False),
    ],
)
def test_mail_leaves_within_hours_and_weekdays(at: str, is_open: bool) -> None:
    assert PARIS.is_open(datetime.fromisoformat(at).replace(tzinfo=UTC)) is is_open


def test_waves_name_the_days_and_their_numbers() -> None:
    friday_noon = datetime(2026, 6, 19, 10, 0, tzinfo=UTC)
    assert PARIS.waves(2500, friday_noon) == [
        (date(2026, 6, 19), 600),
        (date(2026, 6, 22), 1000),
        (date(2026, 6, 23), 900),
    ]
    assert Pace().waves(2500, friday_noon) == [(date(2026, 6, 19), 2500)]
    assert PARIS.waves(0, friday_noon) == []


def test_the_pace_counts_the_last_hour(stage: Stage) -> None:
    def left(at: datetime, **pace: Any) -> int | None:
        return allowance(workspace=stage.workspace, kinds=(Event.CASE_NOTICED,), pace=Pace(**pace), now=at)

    assert left(NOW, per_hour=5) == 3
    assert left(NOW, per_hour=1) == 0
    assert left(NOW, per_hour=0) is None
    assert left(NOW + timedelta(hours=1), per_hour=5) == 5
    assert left(NOW, per_hour=5, hours=(9, 10)) == 0


def test_each_workspace_has_a_pace_of_its_own(stage: Stage) -> None:
    other = workspaces.open_workspace(name="other", now=NOW)
    assert allowance(workspace=other, kinds=(Event.CASE_NOTICED,), pace=Pace(per_hour=5), now=NOW) == 5


# The pace
