"""Numbers in sentences: 12,345 in English, 12 345 in French."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma

NAMES = frozenset({"number", "version", "row", "line", "cleanup", "newest"})
"""Details that are numbers by which something is called, which have no separators."""


class GroupedNumber(int):
    """A number that is written with separators; it stays one, so that a sentence can choose its plural by it."""

    def __str__(self) -> str:
        return str(intcomma(int(self)))


def counted(values: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into a sentence, with each count as people write it."""
    return {name: shown(name, value) for name, value in values.items()}


def shown(name: str, value: Any) -> Any:
    """A detail as it goes into a sentence."""
    return GroupedNumber(value) if type(value) is int and name not in NAMES else value
