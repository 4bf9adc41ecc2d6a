"""What is wrong with the audit: where, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int], None]
"""Told how many rows have been looked at, now and then."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where the record is not what it was: the entry's number and kind, or the row beside it, and the problem.

    ``seq`` is 0 where no entry is concerned; ``row`` then names what is, such as ``case 5``.
    """

    seq: int
    problem: str
    kind: str = ""
    row: str = ""

    def __str__(self) -> str:
        parts = [f"entry {self.seq}" if self.seq else "", self.kind, self.row]
        where = ", ".join(part for part in parts if part)
        return f"{where[:1].upper()}{where[1:]}: {self.problem}" if where else self.problem
