"""Two texts line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """A line of a difference: ``added``, ``removed``, ``place`` or ``same``."""

    kind: str
    text: str


def difference(old: str, new: str) -> list[DifferenceLine]:
    """The lines that differ, with two lines around them."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = unified_diff(old.splitlines(), new.splitlines(), n=2, lineterm="")
    return [DifferenceLine(kinds.get(line[:1], "same"), line) for line in islice(lines, 2, None)]


def numbered(text: str, faulty: Sequence[int]) -> dict[int, str]:
    """The lines that are faulty, by their number."""
    lines = text.split("\n")
    return {number: lines[number - 1].strip() for number in faulty if 0 < number <= len(lines)}
