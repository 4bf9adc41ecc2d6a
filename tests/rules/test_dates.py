"""Dates of the API: read to the microsecond, or refused with what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts_review.rules.dates import DateFault, read_date, valid_instant
from tests.builders import NOW
from tests.strategies import anything, thoroughly

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given_date", "read"),
    [
        ("2024-04-06T08:00:00+00:00", datetime(2024, 4, 6, 8, tzinfo=UTC)),
        ("2024-04-06 10:00:00.5+02:00", datetime(2024, 4, 6, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ((NOW + timedelta(days=1)).isoformat(), NOW + timedelta(days=1)),
        (None, DateFault.ABSENT),
        ("", DateFault.ABSENT),
        (" ", DateFault.UNREADABLE),
        (0, DateFault.UNREADABLE),
        (False, DateFault.UNREADABLE),
        ([], DateFault.UNREADABLE),
        ("soon", DateFault.UNREADABLE),
        ("2024-02-30T08:00:00Z", DateFault.UNREADABLE),
        ("2024-04-06T08:00:00.099404\x01+00:00", DateFault.UNREADABLE),
        ("2024-04-06T08:00:00X+00:00", DateFault.UNREADABLE),
        ("2024-04-06x08:00:00+00:00", DateFault.UNREADABLE),
        ("２０２４-04-06T08:00:00Z", DateFault.UNREADABLE),
        ("2024-04-06T08:00:00", DateFault.WITHOUT_OFFSET),
        ("1999-12-31T23:59:59Z", DateFault.TOO_EARLY),
        ("2000-01-01T00:00:00+01:00", DateFault.TOO_EARLY),
        ("0001-01-01T00:00:00+14:00", DateFault.TOO_EARLY),
        ((NOW + timedelta(days=1) + SECOND).isoformat(), DateFault.IN_THE_FUTURE),
        ("9999-12-31T23:59:59-14:00", DateFault.IN_THE_FUTURE),
    ],
)
def test_a_date_is_an_instant_or_one_fault(given_date: object, read: datetime | DateFault) -> None:
    assert read_date(given_date, read_at=NOW) == read


@thoroughly
@given(anything, st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_what_was_believed_once_is_believed_ever_after(value: object, later: timedelta) -> None:
    """Only the end of what can be believed moves with the moment of reading, and never backwards."""
    before = valid_instant(value, read_at=NOW)
    assert before is None or valid_instant(value, read_at=NOW + later) == before
