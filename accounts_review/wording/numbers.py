"""Numbers in sentences: 12,345 in English, 12 345 in French."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import get_language

NAMES = frozenset({"number", "version", "row", "line", "cleanup", "newest"})
"""Details that are numbers by which something is called, which have no separators."""


@lru_cache(maxsize=10_000)
def grouped(number: int, _language: str | None) -> str:
    """A number with separators, in the language that is on.

    The same stand on page after page, and Django looks up how they are written for each of them.
    """
    return str(intcomma(number))


class GroupedNumber(int):
    """A number that is written with separators; it stays one, so that a sentence can choose its plural by it."""

    def __str__(self) -> str:
        return grouped(int(self), get_language())


class AtLeast(GroupedNumber):
    """A number beyond which nobody counted: 10,000+."""

    def __str__(self) -> str:
        return f"{super().__str__()}+"


def up_to(most: int, number: int) -> GroupedNumber:
    """How many there are, where no more than one beyond ``most`` were counted."""
    return AtLeast(most) if number > most else GroupedNumber(number)


def counted(values: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into a sentence, with each count as people write it."""
    return {name: shown(name, value) for name, value in values.items()}


def shown(name: str, value: Any) -> Any:
    """A detail as it goes into a sentence."""
    return GroupedNumber(value) if type(value) is int and name not in NAMES else value
