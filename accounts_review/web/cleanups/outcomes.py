"""Outcomes: what became of a clean-up's cases, segment by segment, as bars."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Count

from accounts_review.models import Cleanup
from accounts_review.web.cleanups.progress import ORDER, Tile

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """A state's share of a bar."""

    tile: Tile
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class OutcomeBar:
    """A segment, and what became of those who belong to it, in parts that fill ``WIDTH`` together."""

    segment: str
    total: int
    parts: list[Part]


def outcomes(cleanup: Cleanup) -> list[OutcomeBar]:
    """One bar a segment, the largest first; one query."""
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    rows = cleanup.took_part().order_by().values_list("evidence__segment", "state").annotate(Count("pk"))
    for segment, state, count in rows:
        counted[segment or ""][state] = count
    bars = [bar(segment, counts) for segment, counts in counted.items()]
    return sorted(bars, key=lambda each: (-each.total, each.segment))


def bar(segment: str, counts: dict[str, int]) -> OutcomeBar:
    """A bar whose parts stand in the order of the page's tiles, without gaps. Pure."""
    total, parts, before = sum(counts.values()), list[Part](), 0
    for state in ORDER:
        if count := counts.get(state, 0):
            x, end = round(WIDTH * before / total), round(WIDTH * (before + count) / total)
            parts.append(Part(Tile(state, count), x, end - x))
            before += count
    return OutcomeBar(segment, total, parts)
