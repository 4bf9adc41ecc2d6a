"""Days and instants as a reader writes them, in their language and time zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from django.utils.dateformat import DateFormat
from django.utils.timezone import get_default_timezone, localtime, make_aware
from django.utils.translation import get_language

SHORT_MONTHS = {
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc."),
}
"""The short months of a language that Django writes wrongly."""
FIRSTS = {"fr": "1er"}
"""The first day of a month in a language that has a word of its own for it."""


def day(instant: datetime) -> str:
    """The day of an instant in the reader's language and time zone."""
    return written(localtime(instant).date(), get_language())


def exact(instant: datetime, zone: tzinfo, language: str | None) -> str:
    """An instant to the second in a reader's zone and language, which a long list asks for once."""
    at = instant.astimezone(zone)
    return f"{written(at.date(), language)}, {at:%H:%M:%S}"


def portal_day(instant: datetime) -> date:
    """The day of an instant in TIME_ZONE, in which people are promised days: the same one whoever reads it."""
    return localtime(instant, get_default_timezone()).date()


def promised(instant: datetime) -> str:
    """The day that somebody was promised, as the e-mail named it, in the reader's language."""
    return written(portal_day(instant), get_language())


def start_of(portal_day: date) -> datetime:
    """When a day begins that somebody gave as the end of an exemption, and that :func:`promised` shows again."""
    return make_aware(datetime.combine(portal_day, time.min), get_default_timezone())


def midnight(day: date) -> datetime:
    """When a day begins for the reader: an instant, which an index can be asked for."""
    return make_aware(datetime.combine(day, time.min))


@lru_cache(maxsize=10_000)
def written(of: date, _language: str | None) -> str:
    """A day in the language that is on. Days recur: in lists and exports their writing took a third of the time."""
    return dated(of, "j M Y")


def moment(stored: str) -> str:
    """A stored instant by which something becomes possible, to the minute after it."""
    return dated(_next_minute(stored), "j M Y, H:i")


def time_of(stored: str) -> str:
    """The time of a stored instant that is less than a day away, to the minute after it."""
    return dated(_next_minute(stored), "H:i")


def _next_minute(stored: str) -> datetime:
    return localtime(datetime.fromisoformat(stored) + timedelta(seconds=59, microseconds=999_999))


def dated(value: date, layout: str) -> str:
    """A date or an instant laid out in Django's letters, with the months as the reader's language writes them."""
    return _Layout(value).format(layout)


class _Layout(DateFormat):
    """Django's own capitalises every short month, and cuts août to "Aoû"; it writes "1 août", which is "1er août"."""

    def j(self) -> int | str:  # type: ignore[override]
        day = super().j()
        return FIRSTS.get((get_language() or "")[:2], day) if day == 1 else day

    def M(self) -> str:  # noqa: N802
        months = SHORT_MONTHS.get((get_language() or "")[:2])
        return months[self.n() - 1] if months else super().M()
