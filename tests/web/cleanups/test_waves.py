"""Waves: who is warned and reminded on which day, behind the mails that wait already."""

from __future__ import annotations

from datetime import UTC, date, datetime

from accounts_review.web.cleanups.waves import Wave, reminders, waves
from accounts_review.workflow.notify.pace import Pace

NOON = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
TEN_A_DAY = Pace(per_hour=10, hours=(12, 13))


def test_without_a_pace_all_leave_at_once() -> None:
    (wave,) = waves(500, ahead=0, days=30, now=NOON, pace=Pace())
    assert wave == Wave(date(2026, 6, 15), 500, date(2026, 7, 15))


def test_a_pace_makes_days_of_it() -> None:
    found = waves(25, ahead=0, days=10, now=NOON, pace=TEN_A_DAY)
    assert [(wave.day.day, wave.count, wave.earliest.day) for wave in found] == [
        (15, 10, 25),
        (16, 10, 26),
        (17, 5, 27),
    ]


def test_what_waits_already_goes_first() -> None:
    found = waves(12, ahead=15, days=10, now=NOON, pace=TEN_A_DAY)
    assert [(wave.day.day, wave.count) for wave in found] == [(16, 5), (17, 7)]


def test_each_wave_is_reminded_before_its_own_date() -> None:
    found = reminders(waves(15, ahead=0, days=10, now=NOON, pace=TEN_A_DAY), days_before=(7, 1), pace=TEN_A_DAY)
    assert {day.day: count for day, count in found.items()} == {18: 10, 24: 10, 19: 5, 25: 5}


def test_a_reminder_that_would_come_with_the_warning_or_after_it_is_left_out() -> None:
    own = [Wave(date(2026, 6, 15), 3, date(2026, 6, 20))]
    assert reminders(own, days_before=(5, 7), pace=Pace()) == {}
    assert reminders(own, days_before=(7, 2), pace=Pace()) == {date(2026, 6, 18): 3}
