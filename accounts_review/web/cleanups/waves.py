"""Waves: on which days the people of a clean-up would be warned, and from when on each could be revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts_review.rules.calendar import first_open
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
