"""What a proposed policy would change, arranged for people: segments, verdicts, cases and promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.functional import cached_property

from accounts_review.models import PolicyPreview
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.policy.moves import Move, Promises, Touched, promises, touched

VERDICTS = (Verdict.DORMANT, Verdict.UNCERTAIN, Verdict.PROTECTED, Verdict.ACTIVE)


@dataclass(frozen=True, slots=True)
class SegmentCounts:
    """How many accounts, and how many dormant ones among them, a segment holds and would hold."""

    name: str
    before: int
    after: int
    dormant_before: int
    dormant_after: int


@dataclass(frozen=True, slots=True)
class Cell:
    """How many accounts of one verdict would have another. ``query`` shows who they are."""

    after: str
    count: int
    query: str


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """The accounts of one verdict, by what it would be."""

    before: str
    cells: list[Cell]
    total: int


class Impact:
    """What a preview would change: of everybody, as it was computed; of cases and promises, at an instant."""

    def __init__(self, policy_preview: PolicyPreview, *, now: datetime) -> None:
        self._preview, self._now = policy_preview, now
        self._moves = [Move(**kept) for kept in policy_preview.moves]

    @cached_property
    def moved(self) -> int:
        """How many accounts would change their verdict."""
        return sum(move.count for move in self._moves if move.verdict != move.verdict_after)

    @cached_property
    def regrouped(self) -> int:
        """How many accounts would fall into another segment."""
        return sum(move.count for move in self._moves if move.segment != move.segment_after)

    @cached_property
    def segments(self) -> list[SegmentCounts]:
        """Every segment of either policy, the proposed one's first."""
        before, after = Counter[str](), Counter[str]()
        dormant_before, dormant_after = Counter[str](), Counter[str]()
        for move in self._moves:
            before[move.segment] += move.count
            after[move.segment_after] += move.count
            dormant_before[move.segment] += move.count * (move.verdict == Verdict.DORMANT)
            dormant_after[move.segment_after] += move.count * (move.verdict_after == Verdict.DORMANT)
        names = [
            segment.name for rules in (self._preview.rules, self._preview.over.rules) for segment in rules.segments
        ]
        return [
            SegmentCounts(name, before[name], after[name], dormant_before[name], dormant_after[name])
            for name in dict.fromkeys(names)
        ]

    @cached_property
    def matrix(self) -> list[ImpactRow]:
        """From each verdict that accounts have, to each they would have."""
        counts = Counter[tuple[str, str]]()
        for move in self._moves:
            counts[move.verdict, move.verdict_after] += move.count
        rows = []
        for before in VERDICTS:
            cells = [
                Cell(after, counts[before, after], urlencode({"before": before, "after": after})) for after in VERDICTS
            ]
            rows.append(ImpactRow(before, cells, sum(cell.count for cell in cells)))
        return rows

    @property
    def totals(self) -> list[Cell]:
        """How many accounts there would be of each verdict."""
        columns = zip(*(row.cells for row in self.matrix), strict=True)
        return [Cell(column[0].after, sum(cell.count for cell in column), "") for column in columns]

    @cached_property
    def cases(self) -> list[Touched]:
        """The open cases by state, in the order in which a case passes through them."""
        order = [state.value for state in CaseState]
        return sorted(touched(self._preview, now=self._now), key=lambda case: order.index(case.state))

    @cached_property
    def promises(self) -> Promises:
        return promises(self._preview.workspace)
