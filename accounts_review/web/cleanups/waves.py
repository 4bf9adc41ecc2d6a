"""Waves: on which days the people of a clean-up are warned and reminded, and from when on each can be revoked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts_review.rules.calendar import first_open, last_open
from accounts_review.workflow.notify.pace import Pace


@dataclass(frozen=True, slots=True)
class Wave:
    """A day, how many are warned on it, and the first day on which they can be revoked."""

    day: date
    count: int
    earliest: date


def waves(count: int, *, ahead: int, days: int, now: datetime, pace: Pace, sent: Sequence[datetime] = ()) -> list[Wave]:
    """Day by day, behind the ``ahead`` mails that wait already; ``days`` is the notice. Pure.

    ``sent`` are those of the last hour, as :meth:`Pace.waves` counts them.
    """
    found = []
    for day, leaving in pace.waves(ahead + count, now, sent):
        ours = leaving - min(ahead, leaving)
        ahead -= leaving - ours
        if ours:
            found.append(Wave(day, ours, first_open(day + timedelta(days=days), [pace.avoid])))
    return found


def reminders(waves: Iterable[Wave], *, days_before: Sequence[int], pace: Pace) -> Counter[date]:
    """How many reminders are planned on which day; one that would come too late for its date is left out. Pure."""
    found = Counter[date]()
    for wave in waves:
        # Where two fall on one day, only the nearer is sent.
        planned = {last_open(wave.earliest - timedelta(days=days), [pace.avoid]) for days in days_before}
        for day in {pace.first_day(day) for day in planned if day > wave.day}:
            if day and day < wave.earliest:
                found[day] += wave.count
    return found
