"""Days as people and their spreadsheets write them, in English and French; some have two readings."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime
from unicodedata import normalize

ORDERS = ("dmy", "mdy")
"""Day before month, or month before day."""

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
    *("janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre"),
    *("novembre", "decembre"),
)

LONGEST = 60
TIME = re.compile(r"[t ]+\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[ap]\.?m\.?)?( ?z|[+-]\d\d:?\d\d)?$")
SERIAL = re.compile(r"(\d{5})([.,]0+)?")
YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
DAY_MONTH = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)?[- ](?:of )?([a-z]{3,})\.?,?[- ](\d{4}|\d{2})")
MONTH_DAY = re.compile(r"([a-z]{3,})\.?[- ](\d{1,2})(?:st|nd|rd|th)?,?[- ](\d{4}|\d{2})")
WEEKDAY = re.compile(
    r"(mon|tues?|wed(nes)?|thu(rs)?|fri|satur|sat|sun)(day)?[.,]* |(lun|mar|mercre|jeu|vendre|same)di,? |dimanche,? "
)


def day_readings(text: str) -> dict[str, date]:
    """The days a text can mean: under "" where there is one, by order (``dmy``, ``mdy``) where there are two."""
    bare = _bare(text)
    if match := NUMBERS.fullmatch(bare):
        first, dash, second, year = match.groups()
        read = {"dmy": _day(year, second, first), "mdy": _day(year, first, second) if dash != "." else None}
        days = {order: day for order, day in read.items() if day}
        if len(set(days.values())) > 1:
            return days
        day = next(iter(days.values()), None)
    else:
        day = _only_reading(bare)
    return {"": day} if day else {}


def day_of(text: str, *, order: str = "") -> date | None:
    """The one day a text means, in an order where it needs one; else ``None``."""
    days = day_readings(text)
    return days.get("", days.get(order))


def _bare(text: str) -> str:
    """Small letters without accents, without a time of day and a weekday."""
    text = normalize("NFKD", text[:LONGEST].strip()).casefold()
    text = "".join(character for character in text if character.isascii())
    return WEEKDAY.sub("", TIME.sub("", re.sub(r"\s+", " ", text)), count=1) if text else ""


def _only_reading(bare: str) -> date | None:
    if match := SERIAL.fullmatch(bare):
        from openpyxl.utils.datetime import from_excel

        with suppress(ValueError, OverflowError):
            day = from_excel(int(match[1]))
            return day.date() if isinstance(day, datetime) else None
    if match := YEAR_FIRST.fullmatch(bare):
        return _day(match[1], match[3], match[4])
    if match := DAY_MONTH.fullmatch(bare):
        return _day(match[3], _month(match[2]), match[1])
    if match := MONTH_DAY.fullmatch(bare):
        return _day(match[3], _month(match[1]), match[2])
    return None


def _month(word: str) -> str:
    """The number of the one month a word is the start of; "0" where it is none, or two."""
    numbers = {place % 12 + 1 for place, name in enumerate(MONTHS) if name.startswith(word)}
    return str(numbers.pop()) if len(numbers) == 1 else "0"


def _day(year: str, month: str, day: str) -> date | None:
    with suppress(ValueError):
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    return None
