"""A day is read however Excel, LibreOffice or Numbers writes it; where it has two readings, both are told."""

from __future__ import annotations

from datetime import date

import pytest

from accounts_review.spreadsheet import day_of, day_readings

MAY = date(2027, 5, 26)
ONE_READING = [
    *("2027-05-26", "2027/05/26", "2027.05.26", "2027-5-26", "2027-05-26 00:00:00", "2027-05-26T00:00:00Z"),
    *("2027-05-26T00:00:00+02:00", "2027-05-26 00:00:00.000", " 2027-05-26 ", "46533", "46533.0", "46533,0"),
    *("26/05/2027", "26.05.2027", "26-05-2027", "26/5/2027", "26/05/27", "26.5.27", "26/05/2027 00:00"),
    *("5/26/2027", "05/26/2027", "5-26-27", "05/26/27", "5/26/2027 12:00 AM", "5/26/27 12:00:00 AM"),
    *("26-May-27", "26-May-2027", "26 May 2027", "26th May 2027", "26 may. 2027", "May 26, 2027", "May 26th, 2027"),
    *("Wednesday, May 26, 2027", "Wednesday, 26 May 2027", "Wed 26 May 2027", "26th of May 2027"),
    *("26-mai-27", "26 mai 2027", "mercredi 26 mai 2027", "MERCREDI 26 MAI 2027", "26\u00a0mai\u00a02027"),
]


@pytest.mark.parametrize("text", ONE_READING)
@pytest.mark.parametrize("order", ["", "dmy", "mdy"])
def test_a_day_with_one_reading_is_that_day(text: str, order: str) -> None:
    assert day_readings(text) == {"": MAY}
    assert day_of(text, order=order) == MAY


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1er juin 2027", date(2027, 6, 1)),
        ("1-janv.-27", date(2027, 1, 1)),
        ("15-févr.-27", date(2027, 2, 15)),
        ("15 fe\u0301vrier 2027", date(2027, 2, 15)),
        ("15-août-27", date(2027, 8, 15)),
        ("3 déc. 2027", date(2027, 12, 3)),
        ("7 juil. 2027", date(2027, 7, 7)),
        ("7-Jul-27", date(2027, 7, 7)),
        ("9-Sept-27", date(2027, 9, 9)),
        ("5.6.2027", date(2027, 6, 5)),
        ("06/06/2027", date(2027, 6, 6)),
        ("29/02/2028", date(2028, 2, 29)),
    ],
)
def test_months_are_known_in_both_languages_long_and_short(text: str, day: date) -> None:
    assert day_readings(text) == {"": day}


@pytest.mark.parametrize("text", ["05/06/2027", "5/6/27", "05-06-2027", "05/06/2027 00:00:00"])
def test_a_day_with_two_readings_tells_both_and_is_read_in_the_order_given(text: str) -> None:
    assert day_readings(text) == {"dmy": date(2027, 6, 5), "mdy": date(2027, 5, 6)}
    assert day_of(text) is None
    assert (day_of(text, order="dmy"), day_of(text, order="mdy")) == (date(2027, 6, 5), date(2027, 5, 6))


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "2027", "05/2027", "26/05", "31/06/2027", "29/02/2027", "13/13/2027", "2027-13-01"),
        *("00/00/2027", "26 ju 2027", "26 jui 2027", "26 xyz 2027", "2027-05-26-01", "1/2/3/2027", "26/05-2027"),
        *("99999999", "１２３４", "26 05 2027", "=DATE(2027,5,26)", "9" * 5000, "26/05/202"),
    ],
    ids=lambda text: text[:20],
)
def test_anything_else_is_no_day(text: str) -> None:
    assert day_readings(text) == {}
