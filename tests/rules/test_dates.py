"""Dates of the API: read to the microsecond, or refused with what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts_review.rules.dates import DateFault, _unusual, _usual, read_date, valid_instant
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


@thoroughly
@given(
    st.sampled_from(
        ["2024-04-06T08:00:00+00:00", "2024-02-29T23:59:59.999999+00:00", "0001-01-01 00:00:00.000001+00:00"]
    ),
    st.lists(
        st.tuples(st.integers(0, 31), st.sampled_from("0159-:.,+TtZz Ww\x00\x01\n２\ud800")), min_size=0, max_size=3
    ),
)
def test_the_quick_way_reads_a_date_as_the_other_does_or_leaves_it(usual: str, changes: list[tuple[int, str]]) -> None:
    for place, character in changes:
        usual = usual[:place] + character + usual[place + 1 :]
    assert _usual(usual) in (None, _unusual(usual))


def test_what_the_vendor_writes_is_read_the_quick_way() -> None:
    assert _usual("2024-04-06T08:00:00+00:00") == datetime(2024, 4, 6, 8, tzinfo=UTC)
    assert _usual("2024-04-06T08:00:00.000001+00:00") == datetime(2024, 4, 6, 8, 0, 0, 1, tzinfo=UTC)


def test_a_nul_does_not_end_a_date() -> None:
    assert read_date("2024-04-06 08:00:00.0\x000001+00:00", read_at=NOW) is DateFault.UNREADABLE
