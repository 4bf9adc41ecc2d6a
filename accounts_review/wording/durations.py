"""Lengths of time in the words that people use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache

from django.utils.timesince import timesince
from django.utils.timezone import get_current_timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts_review.wording.numbers import counted

YEAR, MONTH = 365, 30
FEW_DAYS = 60
"""So many days are told as days: nobody needs them rounded to months."""


def span(days: int, *, number: Callable[[int], str] = str) -> str:
    """A length that somebody chose, exactly: 2 years, 6 months, 45 days. ``number`` writes years and months."""
    years, beyond = divmod(days, YEAR)
    if years and beyond <= years // 4:
        return _years(years, number)
    if days % MONTH == 0 and days < YEAR:
        return _months(days // MONTH, number)
    return _days(days)


def since(instant: datetime, now: datetime) -> str:
    """How long something has been so: by the calendar in years and months, in days, or within a day in hours."""
    return between(instant, now, get_current_timezone(), get_language())


def between(instant: datetime, now: datetime, zone: tzinfo, language: str | None) -> str:
    """:func:`since`, for whoever says it very often and looked up once what is on."""
    days = (now - instant).days
    if days < 1:
        return timesince(instant, now)
    if days < FEW_DAYS:
        return _days(days)
    return _by_calendar(_whole_months(instant.astimezone(zone), now.astimezone(zone)), language)


def ago(instant: datetime, now: datetime) -> str:
    """How long ago something was."""
    return before(since(instant, now), get_language())


@lru_cache(maxsize=1_000)
def before(time: str, _language: str | None) -> str:
    """How long ago, of a length of time in words."""
    return _("%(time)s ago") % {"time": time}


def _whole_months(instant: datetime, now: datetime) -> int:
    months = (now.year - instant.year) * 12 + now.month - instant.month
    is_short = (now.day, now.time()) < (instant.day, instant.time())
    return months - is_short


@lru_cache(maxsize=1_000)
def _by_calendar(months: int, _language: str | None) -> str:
    """Lengths recur: in lists and exports they are said for every row."""
    years, beyond = divmod(months, 12)
    return ", ".join([*([_years(years, str)] if years else []), *([_months(beyond, str)] if beyond else [])])


def _years(count: int, number: Callable[[int], str]) -> str:
    return ngettext("%(count)s year", "%(count)s years", count) % {"count": number(count)}


def _months(count: int, number: Callable[[int], str]) -> str:
    return ngettext("%(count)s month", "%(count)s months", count) % {"count": number(count)}


def _days(count: int) -> str:
    return ngettext("%(days)s day", "%(days)s days", count) % counted({"days": count})
