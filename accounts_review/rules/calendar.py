"""The days that a policy avoids: nobody is warned or reminded on them, and nobody is removed.

Pure: no Django, no clock, no input or output. A country's public holidays come from the ``holidays`` library.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from accounts_review.rules.policy_parser import Reader, gettext_noop

if TYPE_CHECKING:
    from holidays import HolidayBase

SATURDAY = 6
WEEKENDS, HOLIDAYS = "weekends", "holidays"
MOST = 400
EXAMPLE = '["weekends", "2026-12-24", "holidays FR"]'
NO_DAY = gettext_noop("%(name)s is not a day; write them as %(example)s")
UNKNOWN_COUNTRY = gettext_noop("no public holidays are known for %(name)s; write them as %(example)s")


class DayOff(StrEnum):
    """Why a day is avoided."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    CHOSEN = "chosen"
    """The policy names the date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoided:
    """The days that one policy avoids; ``countries`` are codes such as ``FR`` or, for a part of one, ``CH-ZH``."""

    weekends: bool = False
    dates: frozenset[date] = frozenset()
    countries: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.weekends or bool(self.dates or self.countries)

    def __or__(self, other: Avoided) -> Avoided:
        """The days that either avoids."""
        countries = tuple(dict.fromkeys(self.countries + other.countries))
        return Avoided(weekends=self.weekends or other.weekends, dates=self.dates | other.dates, countries=countries)

    def why(self, day: date) -> DayOff | None:
        """Why a day is avoided, or ``None`` where it is a day like any other."""
        if day in self.dates:
            return DayOff.CHOSEN
        if any(day in _holidays(country) for country in self.countries):
            return DayOff.HOLIDAY
        return DayOff.WEEKEND if self.weekends and is_weekend(day) else None

    def holiday(self, day: date, *, language: str) -> str:
        """What a public holiday is called, in a language if the library has it; "" where it is none."""
        names = (_holidays(country, language).get(day) for country in self.countries)
        return next((str(name) for name in names if name), "")


def _problem_of(entry: object) -> tuple[str, str] | None:
    """What is wrong with an entry of a policy's list, as a template with the name in question.

    ``None`` for ``weekends``, a date, or ``holidays`` and a country.
    """
    text = normalised(entry) if isinstance(entry, str) else ""
    kind, _, country = text.partition(" ")
    if kind == HOLIDAYS:
        return None if is_known(country) else (UNKNOWN_COUNTRY, repr(country[:20]))
    return None if text == WEEKENDS or _date_of(text) else (NO_DAY, repr(str(entry)[:40]))


def normalised(entry: str) -> str:
    """An entry with single blanks and its country in capitals."""
    kind, _, country = " ".join(entry.split()).partition(" ")
    return f"{kind} {country.upper()}".strip()


@cache
def avoided_by(entries: tuple[str, ...]) -> Avoided:
    """The days that a policy's list, in which nothing is wrong, stands for."""
    return Avoided(
        weekends=WEEKENDS in entries,
        dates=frozenset(filter(None, map(_date_of, entries))),
        countries=tuple(entry.partition(" ")[2] for entry in entries if entry.startswith(f"{HOLIDAYS} ")),
    )


def is_weekend(day: date) -> bool:
    return day.isoweekday() >= SATURDAY


def first_open(day: date, avoided: Iterable[Avoided]) -> date:
    """The day itself, or the first after it that none of the policies avoids."""
    policies = list(avoided)
    while any(policy.why(day) for policy in policies):
        day += timedelta(days=1)
    return day


def last_open(day: date, avoided: Iterable[Avoided]) -> date:
    """The day itself, or the last before it that none of the policies avoids."""
    policies = list(avoided)
    while any(policy.why(day) for policy in policies):
        day -= timedelta(days=1)
    return day


def is_known(country: str) -> bool:
    """Whether the public holidays of a country, or of that part of it, are known."""
    import holidays

    code, dash, part = country.partition("-")
    parts = holidays.list_supported_countries().get(code)
    return parts is not None and (not dash or part in parts)


def _date_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-12-24") else None
    except ValueError:
        return None


@cache
def _holidays(country: str, language: str = "") -> HolidayBase:
    import holidays

    code, _, part = country.partition("-")
    return holidays.country_holidays(code, subdiv=part or None, language=_LANGUAGES.get(language))


_LANGUAGES = {"en": "en_US", "fr": "fr"}


def read_avoided(reader: Reader, given: object) -> tuple[str, ...]:
    """The days that a policy avoids, as it is written; what is no day is a fault of the text."""
    if not isinstance(given, list) or len(given) > MOST:
        template = gettext_noop("expected a list of at most %(most)s, such as %(example)s")
        reader.fault("notice", "avoid", template, most=MOST, example=EXAMPLE)
        return ()
    # TOML has dates of its own; they are as good as a text.
    texts = [day.isoformat() if type(day) is date else day for day in given]
    for text in texts:
        if problem := _problem_of(text):
            template, name = problem
            reader.fault("notice", "avoid", template, name=name, example=EXAMPLE)
            return ()
    return tuple(dict.fromkeys(map(normalised, texts)))
