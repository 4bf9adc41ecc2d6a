"""The breaker: does a sync look wrong beside the last accepted one, or by itself where it is the first?

Figures in, checks out.

Pure: no Django, no clock, no input or output. A sync that trips it is quarantined until a person has looked
(law 4): what it says may clear people, and adds no candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

FEW = 3
"""So many accounts may change at once whatever the share is: in a small workspace one person is many per cent."""
SHARE_LOSING_ACTIVITY = 0.01
SHARE_OF_POPULATION = 0.20
GROWTH_OF_CANDIDATES = 3
SHARE_NEVER_USED = 0.8
MANY = 20
"""From so many accounts on, nearly everybody never having used theirs says that the dates are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A sync beside the last accepted one, all as counts of accounts."""

    population_before: int
    population: int
    lost_activity: int
    """Accounts known before whose activity is now earlier than it was, or gone."""
    candidates_before: int
    candidates: int
    """Accounts that would be dormant, both counted at the same instant under the same policy."""


@dataclass(frozen=True, slots=True)
class BreakerCheck:
    """A rule, the numbers it looked at, and how much it allows."""

    code: str
    before: int
    after: int
    allowed: int
    """The most that does not trip: accounts in all, or of difference where the rule looks at a change."""
    tripped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a first sync shows of use, as counts of accounts."""

    listed: int
    seen: int
    """Accounts with a valid date of having been seen or signed in."""
    never_used: int


def first_checks(signs: Signs) -> list[BreakerCheck]:
    """Every rule for a sync that no other is there to compare with: a signal missing for everybody is none."""
    unseen, most = signs.listed - signs.seen, max(0, signs.listed - 1)
    allowed = SHARE_NEVER_USED * signs.listed if signs.listed >= MANY else signs.listed
    return [
        BreakerCheck("nobody_seen", signs.listed, unseen, allowed=most, tripped=not signs.seen),
        BreakerCheck("never_used", signs.listed, signs.never_used, int(allowed), tripped=signs.never_used > allowed),
    ]


def checks(figures: Figures) -> list[BreakerCheck]:
    """Every rule with its numbers. A first sync has no baseline: see :func:`first_checks`."""
    before, after = figures.population_before, figures.population
    return [
        _check("activity_lost", 0, figures.lost_activity, allowed=max(FEW, SHARE_LOSING_ACTIVITY * before)),
        _check("population_changed", before, after, allowed=max(FEW, SHARE_OF_POPULATION * before)),
        _check(
            "candidates_multiplied",
            figures.candidates_before,
            figures.candidates,
            allowed=GROWTH_OF_CANDIDATES * max(FEW, figures.candidates_before),
        ),
    ]


def _check(code: str, before: int, after: int, *, allowed: float) -> BreakerCheck:
    measured = abs(after - before) if code == "population_changed" else after
    return BreakerCheck(code, before, after, allowed=int(allowed), tripped=measured > allowed)
