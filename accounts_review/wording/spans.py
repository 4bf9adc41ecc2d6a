"""Lengths of time in the words that people use."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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


def ago(days: int) -> str:
    """How long ago something was, in years and months once it is long."""
    years, beyond = divmod(days, YEAR)
    months = beyond // MONTH
    if days < FEW_DAYS:
        length = _days(days)
    else:
        length = ", ".join([*([_years(years, str)] if years else []), *([_months(months, str)] if months else [])])
    return _("%(time)s ago") % {"time": length}


def _years(count: int, number: Callable[[int], str]) -> str:
    return ngettext("%(count)s year", "%(count)s years", count) % {"count": number(count)}


def _months(count: int, number: Callable[[int], str]) -> str:
    return ngettext("%(count)s month", "%(count)s months", count) % {"count": number(count)}


def _days(count: int) -> str:
    return ngettext("%(days)d day", "%(days)d days", count) % {"days": count}
