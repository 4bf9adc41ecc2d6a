"""What past clean-ups came to, year by year."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import ExtractYear
from django.utils.translation import gettext as _

from accounts_review.models import Case, Workspace
from accounts_review.models.cleanup import UNDONE
from accounts_review.models.keys import Among
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.wording.tallies import tally

MOST_YEARS = 10
"""So many years are drawn; the table has them all."""
WIDTH, HEIGHT, TOP, FULL = 34, 120, 20, 576
STATES = {
    CaseState.REVOKED: "revoked",
    CaseState.ALREADY_GONE: "revoked",
    CaseState.SPARED: "spared",
    CaseState.UNDELIVERABLE: "undeliverable",
}
COUNTED = ("accounts", "revoked", "spared", "undeliverable", "returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The live clean-ups that were launched in a year."""

    year: int
    cleanups: int
    accounts: int
    revoked: int
    spared: int
    undeliverable: int
    returned: int

    @property
    def returned_percent(self) -> float:
        return 100 * self.returned / self.revoked if self.revoked else 0.0

    @property
    def others(self) -> int:
        """Those who were neither revoked nor spared nor missed: refused, withdrawn, or not at their end yet."""
        return self.accounts - self.revoked - self.spared - self.undeliverable


@dataclass(frozen=True, slots=True)
class YearBlock:
    """What became of some of a year's accounts, as a part of its column."""

    state: str
    label: str
    count: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Column:
    """A year as a column of a chart."""

    year: int
    total: int
    x: int
    blocks: list[YearBlock]

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def above(self) -> int:
        return TOP + HEIGHT - sum(block.height for block in self.blocks) - 6


def years_of(workspace: Workspace) -> list[Year]:
    """The newest year first; dry runs removed nobody and do not count."""
    launched = workspace.cleanups.filter(dry_run=False).exclude(state=CleanupState.DRAFT)
    year_of = dict(launched.annotate(year=ExtractYear("launched_at")).values_list("pk", "year"))
    found: dict[int, Counter[str]] = defaultdict(Counter)
    # By clean-up and state: cases are very many, and are neither joined, sorted nor read beside an index. Those that
    # somebody took out before the launch are found among the withdrawn, who are few.
    cases = Case.objects.filter(cleanup__in=Among(year_of)).order_by()
    counted = Counter({(cleanup, state): count for cleanup, state, count in _by_state(cases)})
    counted.subtract({(cleanup, state): count for cleanup, state, count in _by_state(cases.filter(UNDONE))})
    cleanups = defaultdict[int, set[int]](set)
    for (cleanup, state), count in counted.items():
        if count and (year := year_of[cleanup]):
            cleanups[year].add(cleanup)
            found[year] += Counter({"accounts": count, STATES.get(state, ""): count})
    back = cases.filter(returned_at__isnull=False).exclude(UNDONE).values_list("cleanup").annotate(Count("pk"))
    for cleanup, count in back:
        if year := year_of[cleanup]:
            found[year]["returned"] += count
    return [
        Year(year=year, cleanups=len(cleanups[year]), **{name: found[year][name] for name in COUNTED})
        for year in sorted(found, reverse=True)
    ]


def _by_state(cases: QuerySet[Case]) -> QuerySet[Case, Any]:
    return cases.values_list("cleanup", "state").annotate(Count("pk"))


def columns_of(years: list[Year]) -> list[Column]:
    """The newest years, the oldest at the left, also those without a clean-up; one year alone has no trend. Pure."""
    if len(years) < 2:
        return []
    last, told = years[0].year, {row.year: row for row in years}
    shown = range(max(years[-1].year, last - MOST_YEARS + 1), last + 1)
    most = max(told[year].accounts for year in shown if year in told)
    step = FULL // len(shown)
    return [
        _column(told.get(year), year, x=index * step + (step - WIDTH) // 2, most=most)
        for index, year in enumerate(shown)
    ]


def _column(row: Year | None, year: int, *, x: int, most: int) -> Column:
    if row is None:
        return Column(year, 0, x, [])
    parts = [
        (CaseState.REVOKED.value, tally(CaseState.REVOKED, row.revoked), row.revoked),
        (CaseState.SPARED.value, tally(CaseState.SPARED, row.spared), row.spared),
        (CaseState.UNDELIVERABLE.value, tally(CaseState.UNDELIVERABLE, row.undeliverable), row.undeliverable),
        (CaseState.WITHDRAWN.value, _("other outcomes"), row.others),
    ]
    blocks, below = list[YearBlock](), 0
    for state, label, count in parts:
        if count:
            start, end = (round(HEIGHT * upto / most) for upto in (below, below + count))
            blocks.append(YearBlock(state, label, count, TOP + HEIGHT - end, end - start))
            below += count
    return Column(year, row.accounts, x, blocks)
