"""A clean-up's days as a calendar: when people are written to and removed, and which days are no working days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts_review.rules.calendar import Avoided, DayOff, is_weekend

WEEK = timedelta(days=7)
MOST_WEEKS = 26
"""So many weeks are shown; weeks in which nothing happens are left out before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day, how many are written to and removed on it, and what kind of day it is ("" for any)."""

    date: date
    emails: int = 0
    removals: int = 0
    kind: str = ""
    is_avoided: bool = False
    is_today: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday on, and how many weeks without anything were left out before it."""

    days: list[Day]
    left_out: int = 0

    @property
    def is_empty(self) -> bool:
        return not any(day.emails or day.removals or day.is_today for day in self.days)


def weeks(
    *, emails: Mapping[date, int], removals: Mapping[date, int], avoided: Sequence[Avoided], today: date
) -> list[Week]:
    """The weeks from today on in which something happens; empty where nothing does."""
    if not emails and not removals:
        return []
    monday = today - timedelta(days=today.weekday())
    last = max([today, *emails, *removals])
    found, left_out = list[Week](), 0
    while monday <= last and len(found) < MOST_WEEKS:
        days = [monday + timedelta(days=number) for number in range(7)]
        week = Week([_day(day, emails, removals, avoided, today) for day in days], left_out)
        if week.is_empty:
            left_out += 1
        else:
            found.append(week)
            left_out = 0
        monday += WEEK
    return found


def _day(
    day: date, emails: Mapping[date, int], removals: Mapping[date, int], avoided: Sequence[Avoided], today: date
) -> Day:
    reasons = [reason for policy in avoided if (reason := policy.why(day))]
    return Day(
        date=day,
        emails=emails.get(day, 0),
        removals=removals.get(day, 0),
        kind=_kind(day, reasons, avoided),
        is_avoided=bool(reasons),
        is_today=day == today,
    )


def _kind(day: date, reasons: Sequence[DayOff], avoided: Sequence[Avoided]) -> str:
    if DayOff.HOLIDAY in reasons:
        language = (get_language() or "en")[:2]
        names = (policy.holiday(day, language=language) for policy in avoided)
        return next(filter(None, names), _("public holiday"))
    if is_weekend(day):
        return _("weekend")
    return _("avoided by the policy") if reasons else ""
