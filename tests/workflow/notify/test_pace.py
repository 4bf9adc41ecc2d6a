"""Pace: when e-mails may leave, and how many within an hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from accounts_review.audit.events import Event
from accounts_review.rules.calendar import Avoided
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
    stage = set_stage(someone("marie"), someone("omar"), policy=WITH_REMINDERS, launched=("marie", "omar"))
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


def hourly(*minutes: int) -> list[datetime]:
    """E-mails that left so many minutes before half past ten, the oldest first."""
    return [datetime(2026, 6, 19, 10, 30, tzinfo=UTC) - timedelta(minutes=each) for each in sorted(minutes)[::-1]]


MORNING = Pace(per_hour=2, hours=(9, 12), weekdays=(1, 5))
FRIDAY = datetime(2026, 6, 19, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "today", "next_at"),
    [
        pytest.param([], 4, FRIDAY, id="nothing sent: now and in an hour"),
        pytest.param([20], 3, FRIDAY, id="half full: one now, one at ten past eleven, one at half past"),
        pytest.param([50, 20], 3, FRIDAY + timedelta(minutes=10), id="full: the first place is free in ten minutes"),
        pytest.param([10, 10], 2, FRIDAY + timedelta(minutes=50), id="full of late: once before noon"),
        pytest.param([59, 50, 40, 20], 3, FRIDAY + timedelta(minutes=20), id="more than the limit, which was lowered"),
    ],
)
def test_what_left_within_the_hour_counts_until_the_hour_is_over(
    sent: list[int], today: int, next_at: datetime
) -> None:
    assert MORNING.waves(100, FRIDAY, hourly(*sent))[:2] == [(FRIDAY.date(), today), (date(2026, 6, 22), 6)]
    assert MORNING.when(0, FRIDAY, hourly(*sent)) == next_at


def test_a_full_last_hour_leaves_the_rest_for_the_next_open_day() -> None:
    late = FRIDAY.replace(hour=11, minute=30)
    sent = [late - timedelta(minutes=5)] * 2
    assert MORNING.waves(3, late, sent) == [(date(2026, 6, 22), 3)]
    monday = datetime(2026, 6, 22, 9, tzinfo=UTC)
    assert [MORNING.when(place, late, sent) for place in (0, 1, 2)] == [monday, monday, monday + timedelta(hours=1)]
    avoiding = replace(MORNING, avoid=Avoided(dates=frozenset({date(2026, 6, 22)})))
    assert avoiding.when(0, late, sent) == monday + timedelta(days=1)


def test_without_a_limit_nothing_counts_and_never_is_said_as_never() -> None:
    assert Pace(hours=(9, 12)).waves(500, FRIDAY, hourly(1, 2, 3)) == [(FRIDAY.date(), 500)]
    assert Pace(hours=(9, 12)).when(499, FRIDAY) == FRIDAY
    assert Pace(hours=(9, 10)).when(0, FRIDAY) == datetime(2026, 6, 20, 9, tzinfo=UTC)
    assert Pace(weekdays=(8, 8)).when(0, FRIDAY) is None


def test_around_the_clock_an_hour_that_began_late_reaches_into_the_next_day() -> None:
    night = datetime(2026, 6, 19, 23, 10, tzinfo=UTC)
    sent = [night - timedelta(minutes=10)]
    assert Pace(per_hour=1).waves(2, night, sent) == [(date(2026, 6, 20), 2)]
    assert Pace(per_hour=1).when(0, night, sent) == datetime(2026, 6, 20, tzinfo=UTC)
