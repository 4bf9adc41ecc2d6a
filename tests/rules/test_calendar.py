"""The days that a policy avoids: weekends, dates, and the public holidays of a country or a part of it."""

from __future__ import annotations

from datetime import date

import pytest

from accounts_review.rules.calendar import Avoided, DayOff, first_open, is_known
from accounts_review.rules.policy import DEFAULT_TEXT, Policy, PolicyError, parse

FRIDAY, SATURDAY, SUNDAY = date(2026, 12, 25), date(2026, 12, 26), date(2026, 12, 27)
NEW_YEAR = date(2027, 1, 1)
BERCHTOLDSTAG = date(2028, 1, 2)


def with_avoid(text: str) -> Policy:
    return parse(DEFAULT_TEXT.replace("avoid = []", f"avoid = {text}"))


def test_by_default_no_day_is_avoided() -> None:
    avoid = parse(DEFAULT_TEXT).notice.avoided
    assert not avoid
    assert [avoid.why(day) for day in (FRIDAY, SUNDAY, NEW_YEAR)] == [None] * 3


def test_weekends_dates_and_holidays_are_each_known_for_what_they_are() -> None:
    avoid = with_avoid('["weekends", "2026-12-24", 2026-12-28, "holidays FR"]').notice.avoided
    days = (date(2026, 12, 24), FRIDAY, SATURDAY, SUNDAY, date(2026, 12, 28), date(2026, 12, 29))
    off = [DayOff.CHOSEN, DayOff.HOLIDAY, DayOff.WEEKEND, DayOff.WEEKEND, DayOff.CHOSEN, None]
    assert [avoid.why(day) for day in days] == off


def test_a_holiday_has_a_name_in_the_readers_language() -> None:
    avoid = Avoided(countries=("FR",))
    assert avoid.holiday(NEW_YEAR, language="en") == "New Year's Day"
    assert avoid.holiday(NEW_YEAR, language="fr") == "Jour de l'an"
    assert avoid.holiday(SUNDAY, language="en") == ""


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    assert Avoided(countries=("CH-BE",)).why(BERCHTOLDSTAG) is DayOff.HOLIDAY
    assert Avoided(countries=("CH",)).why(BERCHTOLDSTAG) is None


def test_the_first_open_day_is_open_by_every_policy() -> None:
    weekends, holidays = Avoided(weekends=True), Avoided(countries=("FR",), dates=frozenset({date(2026, 12, 28)}))
    assert first_open(FRIDAY, [weekends, holidays]) == date(2026, 12, 29)
    assert first_open(FRIDAY, [weekends]) == FRIDAY
    assert first_open(FRIDAY, []) == FRIDAY


@pytest.mark.parametrize("country", ["FR", "CH-ZH", "BE", "LU"])
def test_known_countries(country: str) -> None:
    assert is_known(country)


@pytest.mark.parametrize("country", ["", "XX", "FR-XX", "France", "FR-", "-", "../FR"])
def test_unknown_countries(country: str) -> None:
    assert not is_known(country)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"weekends"', "expected a list"),
        ('["sundays"]', "'sundays' is not a day"),
        ('["2026-02-30"]', "'2026-02-30' is not a day"),
        ("[2026-12-24T10:00:00Z]", "is not a day"),
        ("[1]", "'1' is not a day"),
        ("[[]]", "is not a day"),
        ('["holidays"]', "no public holidays are known for ''"),
        ('["holidays XX"]', "no public holidays are known for 'XX'"),
        (str(["2026-01-01"] * 401), "at most 400"),
    ],
)
def test_what_is_no_day_is_refused_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(PolicyError, match=r"notice\.avoid") as refused:
        with_avoid(text)
    assert words in str(refused.value)


def test_capitals_and_blanks_do_not_count() -> None:
    assert with_avoid('["holidays  fr", "holidays FR"]').notice.avoid == ("holidays FR",)
