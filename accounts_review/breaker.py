"""The breaker: does an extraction look wrong beside the last accepted one? Figures in, anomalies out.

Pure: no Django, no clock, no input or output. An extraction that trips it is quarantined until a person has looked
(law 4): what it says may clear people, and adds no candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FEW = 3
"""So many accounts may change at once whatever the share is: in a small workspace one person is many per cent."""
SHARE_LOSING_ACTIVITY = 0.01
SHARE_OF_POPULATION = 0.20
GROWTH_OF_CANDIDATES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """An extraction beside the last accepted one, all as counts of accounts."""

    population_before: int
    population: int
    lost_activity: int
    """Accounts known before whose activity is now earlier than it was, or gone."""
    candidates_before: int
    candidates: int
    """Accounts that would be dormant, both counted at the same instant under the same policy."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A rule that tripped, with the numbers before and after."""

    code: str
    before: int
    after: int


def anomalies(figures: Figures) -> list[Anomaly]:
    """The rules that trip, if any. A first extraction has no baseline: do not ask."""
    return list(_anomalies(figures))


def _anomalies(figures: Figures) -> Iterator[Anomaly]:
    before, after = figures.population_before, figures.population
    if figures.lost_activity > max(FEW, SHARE_LOSING_ACTIVITY * before):
        yield Anomaly("activity_lost", 0, figures.lost_activity)
    if abs(after - before) > max(FEW, SHARE_OF_POPULATION * before):
        yield Anomaly("population_changed", before, after)
    if figures.candidates > GROWTH_OF_CANDIDATES * max(FEW, figures.candidates_before):
        yield Anomaly("candidates_multiplied", figures.candidates_before, figures.candidates)
