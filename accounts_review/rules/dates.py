"""Dates of the API: which can be believed, and what is wrong with the others (law 1, *unknown is not old*).

Pure: no Django, no clock, no input or output.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import ValidationError, convert

EARLIEST_VALID = datetime(2000, 1, 1, tzinfo=UTC)
FUTURE_TOLERANCE = timedelta(days=1)
_FORM = re.compile(
    r"\s*\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?\s*", re.ASCII
)
"""How a date is written. Python alone overlooks any one character between the seconds and the offset."""

_USUAL_LENGTHS = (len("2026-11-27T06:00:00+00:00"), len("2026-11-27T06:00:00.000000+00:00"))
"""How the vendor writes an instant."""


class DateFault(StrEnum):
    """Why a date does not count."""

    ABSENT = "absent"
    UNREADABLE = "unreadable"
    WITHOUT_OFFSET = "without_offset"
    TOO_EARLY = "too_early"
    IN_THE_FUTURE = "in_the_future"


def valid_instant(value: object, *, read_at: datetime) -> datetime | None:
    """The UTC instant that a date of the API stands for, or ``None`` where it cannot be believed (law 1)."""
    found = None if value is None else read_date(value, read_at=read_at)
    return found if isinstance(found, datetime) else None


def read_date(value: object, *, read_at: datetime) -> datetime | DateFault:
    """The UTC instant that a date of the API stands for, or what is wrong with it."""
    if is_absent(value):
        return DateFault.ABSENT
    instant = _usual(value) or _unusual(value)
    # To ask whether it is a fault would take half of all this, as Python asks the class of enumerations.
    if not isinstance(instant, datetime):
        return instant
    if instant < EARLIEST_VALID:
        return DateFault.TOO_EARLY
    is_past = instant <= read_at or instant <= read_at + FUTURE_TOLERANCE
    return instant if is_past else DateFault.IN_THE_FUTURE


def _usual(value: object) -> datetime | None:
    """An instant as the vendor writes it, in a fifth of the time; ``None`` where it is written in any other way."""
    if isinstance(value, str) and len(value) in _USUAL_LENGTHS and value.endswith("+00:00"):
        # To msgspec a NUL is the end.
        if not (value.isascii() and value.isprintable()):
            return None
        try:
            return convert(value, datetime)
        except ValidationError:
            pass
    return None


def _unusual(value: object) -> datetime | DateFault:
    """An instant that is written in whatever way."""
    if not isinstance(value, str) or len(value) > 40 or not _FORM.fullmatch(value):
        return DateFault.UNREADABLE
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is None:
            return DateFault.WITHOUT_OFFSET
        if instant.tzinfo is not UTC:
            instant = instant.astimezone(UTC)
    except ValueError:
        return DateFault.UNREADABLE
    except OverflowError:
        return DateFault.TOO_EARLY if instant.year == 1 else DateFault.IN_THE_FUTURE
    return instant


def is_earlier(instant: datetime | None, known: datetime | None) -> bool:
    """Whether activity went backwards: a date that was known before is earlier now, or gone.

    Compared in whole seconds, as an API may stop giving the fractions.
    """
    return known is not None and (instant is None or whole_second(instant) < whole_second(known))


def whole_second(instant: datetime) -> datetime:
    """An instant without its fraction of a second."""
    return instant.replace(microsecond=0)


def is_absent(value: object) -> bool:
    """Whether there is no date at all, which is not the same as one that cannot be read."""
    return value is None or value == ""
