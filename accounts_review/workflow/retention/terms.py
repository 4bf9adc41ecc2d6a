"""What to search for when somebody is erased: names, addresses and usernames, as whole words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from accounts_review.models import ROLES

ERASED = "erased"
SHORTEST = 3
"""A shorter name would stand in ordinary words; its own columns are emptied all the same."""


def can_be_looked_for(term: str) -> bool:
    """Whether a term can tell of somebody in a text: not one that is too short, nor what a role is called."""
    return len(term) >= SHORTEST and term.casefold() not in ROLES


@dataclass(frozen=True)
class SearchTerms:
    """Terms, and the expressions of PostgreSQL and of Python that find them. False where there is none."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, words: Iterable[str]) -> SearchTerms:
        known = {word.strip() for word in words}
        return cls(tuple(sorted(filter(can_be_looked_for, known), key=lambda word: (-len(word), word))))

    def __bool__(self) -> bool:
        return bool(self.words)

    @cached_property
    def loose(self) -> str:
        """Finds at least what ``pattern`` finds, also in the text of a document; "" where there is nothing."""
        return "|".join(re.escape(form) for word in self.words for form in _forms(word))

    @cached_property
    def pattern(self) -> str:
        """Finds the terms as whole words. There must be one: the expression of none would find everything."""
        if not self.words:
            raise ValueError("There is nothing to look for.")
        return rf"(?<![A-Za-z0-9_@.+-])(?:{self.loose})(?![A-Za-z0-9_@+-]|\.[A-Za-z0-9])"

    @cached_property
    def found(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)


def _forms(word: str) -> list[str]:
    """A term as it may stand in a text: plain, or within JSON that is itself a text."""
    return list(dict.fromkeys([word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]]))
