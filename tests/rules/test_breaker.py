"""The breaker trips where a sync looks wrong, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts_review.rules.breaker import BreakerCheck, Figures, checks

USUAL = Figures(population_before=1000, population=1010, lost_activity=2, candidates_before=100, candidates=110)


def anomalies(figures: Figures) -> list[BreakerCheck]:
    return [check for check in checks(figures) if check.tripped]


def test_a_usual_day_does_not_trip_it() -> None:
    assert anomalies(USUAL) == []


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        ({"lost_activity": 11}, "activity_lost"),
        ({"population": 1201}, "population_changed"),
        ({"population": 799}, "population_changed"),
        ({"population": 0}, "population_changed"),
        ({"candidates": 301}, "candidates_multiplied"),
    ],
)
def test_each_rule_trips_just_above_its_limit(spoiled: dict[str, int], code: str) -> None:
    assert [anomaly.code for anomaly in anomalies(replace(USUAL, **spoiled))] == [code]


@pytest.mark.parametrize(
    "allowed",
    [{"lost_activity": 10}, {"population": 1200}, {"population": 800}, {"candidates": 300}, {"candidates": 0}],
)
def test_no_rule_trips_at_its_limit(allowed: dict[str, int]) -> None:
    assert anomalies(replace(USUAL, **allowed)) == []


def test_in_a_small_workspace_three_people_may_come_or_lose_their_dates() -> None:
    small = Figures(population_before=5, population=8, lost_activity=3, candidates_before=0, candidates=9)
    assert anomalies(small) == []
    assert anomalies(replace(small, population=9))
    assert anomalies(replace(small, lost_activity=4))
    assert anomalies(replace(small, candidates=10))


def test_every_rule_carries_the_numbers_it_looked_at_and_what_it_allows() -> None:
    assert checks(replace(USUAL, population=2000)) == [
        BreakerCheck("activity_lost", 0, 2, allowed=10, tripped=False),
        BreakerCheck("population_changed", 1000, 2000, allowed=200, tripped=True),
        BreakerCheck("candidates_multiplied", 100, 110, allowed=300, tripped=False),
    ]
