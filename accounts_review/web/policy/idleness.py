"""How long accounts have been idle, by segment, and what another limit would make of them.

The accounts of every segment by how long they have been idle and by the verdict they have, as they are counted by day.
The drawing and the sums are made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from accounts_review.models import Workspace
from accounts_review.rules.dormancy import Verdict
from accounts_review.web.review.counts import counts_by_idle_time

COLUMN_DAYS, COLUMNS = 90, 22
"""A column of the histogram is a quarter of a year; the last holds everybody idle for longer."""
COLUMN_WIDTH, HEIGHT, TALLEST = 26, 64, 56
WIDTH = COLUMN_WIDTH * COLUMNS
VERDICTS = (Verdict.DORMANT, Verdict.UNCERTAIN, Verdict.PROTECTED, Verdict.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A limit in days to try on one segment, or on all of them where ``segment`` is empty."""

    segment: str
    days: int

    def covers(self, segment: str) -> bool:
        return self.segment in ("", segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a column, all of one verdict, where it stands in a drawing of whole units."""

    verdict: str
    count: int
    x: int
    y: int
    height: int
    width: int = COLUMN_WIDTH - 3


@dataclass(slots=True, kw_only=True)
class IdlenessRow:
    """One segment: its limit, and how many of it have been idle for how long with which verdict."""

    segment: str
    limit_days: int
    tried_days: int | None = None
    """The limit that is tried, where one is."""
    columns: list[Counter[str]] = field(default_factory=lambda: [Counter() for _ in range(COLUMNS)])

    @property
    def total(self) -> int:
        return sum(column.total() for column in self.columns)

    @property
    def dormant(self) -> int:
        return sum(column[Verdict.DORMANT] for column in self.columns)

    @property
    def is_tried(self) -> bool:
        return self.tried_days not in (None, self.limit_days)

    @property
    def line_x(self) -> int:
        """Where the limit stands that is in force."""
        return _x(self.limit_days)

    @property
    def tried_x(self) -> int:
        """Where the limit stands that is tried."""
        return _x(self.tried_days or self.limit_days)

    @property
    def most(self) -> int:
        """How many the tallest column holds."""
        return max(column.total() for column in self.columns)

    @property
    def columns_said(self) -> list[tuple[int, str, int, int]]:
        """For each column with anybody in it: where it stands, how long idle, how many, how many dormant."""
        named = enumerate(self.columns)
        return [(i * COLUMN_WIDTH, _span(i), c.total(), c[Verdict.DORMANT]) for i, c in named if c.total()]

    @property
    def blocks(self) -> list[Block]:
        """The drawing: columns of blocks, dormant ones at the bottom."""
        most = max(self.most, 1)
        found = []
        for index, column in enumerate(self.columns):
            top = HEIGHT
            for verdict in VERDICTS:
                if count := column[verdict]:
                    height = max(1, round(TALLEST * count / most))
                    top -= height
                    found.append(
                        Block(verdict=verdict, count=count, x=index * COLUMN_WIDTH + 1, y=max(0, top), height=height)
                    )
        return found

    @property
    def table(self) -> list[tuple[str, int, int]]:
        """The same in numbers: how long idle, how many in all, how many dormant; columns without anybody left out."""
        named = enumerate(self.columns)
        return [(_span(index), c.total(), c[Verdict.DORMANT]) for index, c in named if c.total()]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """How many have a verdict now, and how many would."""

    verdict: str
    now: int
    then: int

    @property
    def by(self) -> int:
        return self.then - self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Idleness:
    """The histogram, and what the trial would change."""

    rows: list[IdlenessRow]
    changes: list[VerdictChange]
    trial: Trial | None
    idle: int
    """How many of the tried segment have been idle for the tried limit, whatever speaks for them."""
    undated: int
    """How many have no valid date at all: they are in no column."""

    @property
    def dormant(self) -> VerdictChange:
        return self.changes[0]

    @property
    def largest(self) -> str:
        """The segment that holds the most."""
        return self.rows[0].segment if self.rows else ""


def idleness(*, workspace: Workspace, now: datetime, trial: Trial | None = None) -> Idleness:
    """The accounts that the workspace lists, by idle time, as the policy has it or under a trial."""
    rows, undated = rows_under(workspace, now, [trial] if trial else [])
    then = _sums(rows) + undated
    present = _sums(rows_under(workspace, now, [])[0]) + undated if trial else then
    return Idleness(
        rows=rows,
        changes=[VerdictChange(verdict=v, now=present[v], then=then[v]) for v in VERDICTS],
        trial=trial,
        idle=_idle([row for row in rows if trial.covers(row.segment)]) if trial else 0,
        undated=undated.total(),
    )


def years() -> list[tuple[int, str]]:
    """Where the years stand under the drawing."""
    return [(round(year * 365 / COLUMN_DAYS * COLUMN_WIDTH), str(year)) for year in range(1, 6)]


def rows_under(workspace: Workspace, now: datetime, trials: Sequence[Trial]) -> tuple[list[IdlenessRow], Counter[str]]:
    """The segments under the limits tried, the largest first, and the verdicts of those without a date."""
    limits = {trial.segment: trial.days for trial in trials}
    counted = counts_by_idle_time(workspace, now=now, width=COLUMN_DAYS, last=COLUMNS - 1, tried=limits)
    rows: dict[str, IdlenessRow] = {}
    undated: Counter[str] = Counter()
    for segment, limit, column, verdict, count in counted:
        if column is None:
            undated[verdict] += count
            continue
        tried = next((trial.days for trial in trials if trial.covers(segment)), None)
        row = rows.setdefault(segment, IdlenessRow(segment=segment, limit_days=limit, tried_days=tried))
        row.limit_days = max(row.limit_days, limit)
        row.columns[column][verdict] += count
    return sorted((row for row in rows.values() if row.total), key=lambda row: (-row.total, row.segment)), undated


def _idle(rows: Iterable[IdlenessRow]) -> int:
    return sum(column.total() - column[Verdict.ACTIVE] for row in rows for column in row.columns)


def _sums(rows: Iterable[IdlenessRow]) -> Counter[str]:
    return sum((column for row in rows for column in row.columns), Counter())


def _x(days: int) -> int:
    return min(WIDTH - 1, round(days / COLUMN_DAYS * COLUMN_WIDTH))


def _span(index: int) -> str:
    if index == COLUMNS - 1:
        return _("%(days)d days and longer") % {"days": index * COLUMN_DAYS}
    return _("%(from)d to %(to)d days") % {"from": index * COLUMN_DAYS, "to": (index + 1) * COLUMN_DAYS - 1}
