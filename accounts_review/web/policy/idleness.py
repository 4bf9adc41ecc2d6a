"""How long accounts have been idle, by segment, and what another limit would make of them.

The accounts of every segment by how long they have been idle and by the verdict they have, as they are counted by day.
The drawing (``histogram.py``) and the sums are made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts_review.models import Workspace
from accounts_review.rules.dormancy import Verdict
from accounts_review.web.policy import histogram
from accounts_review.web.policy.histogram import COLUMN_DAYS, COLUMN_WIDTH, COLUMNS, VERDICTS, WIDTH
from accounts_review.web.review.counts import counts_by_idle_time, counts_by_segment
from accounts_review.wording import segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A limit in days to try on one segment, or on all of them where ``segment`` is empty."""

    segment: str
    days: int

    def covers(self, segment: str) -> bool:
        return self.segment in ("", segment)


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
    def drawing(self) -> SafeString:
        label = _("%(segment)s: accounts by how long they have been idle") % {"segment": segments.shown(self.segment)}
        limits = {"idleness-limit": self.line_x}
        if self.tried_days is not None and self.is_tried:
            limits["idleness-limit idleness-tried"] = _x(self.tried_days)
        return histogram.drawing(self.columns, label=label, limits=limits)


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
    def numbers(self) -> SafeString:
        """The drawings as the rows of a table."""
        return histogram.numbers((segments.shown(row.segment), row.columns) for row in self.rows)

    @property
    def largest(self) -> str:
        """The segment that holds the most."""
        return self.rows[0].segment if self.rows else ""


def idleness(*, workspace: Workspace, now: datetime, trial: Trial | None = None) -> Idleness:
    """The accounts that the workspace lists, by idle time, as the policy has it or under a trial."""
    rows, undated = rows_under(workspace, now, [trial] if trial else [])
    then = _sums(rows) + undated
    present = _present(workspace, now) if trial else then
    return Idleness(
        rows=rows,
        changes=[VerdictChange(verdict=v, now=present[v], then=then[v]) for v in VERDICTS],
        trial=trial,
        idle=_idle([row for row in rows if trial.covers(row.segment)]) if trial else 0,
        undated=undated.total(),
    )


def _present(workspace: Workspace, now: datetime) -> Counter[str]:
    return sum((counts.totals for counts in counts_by_segment(workspace, now=now).values()), Counter())


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
        if (row := rows.get(segment)) is None:
            tried = limits.get(segment, limits.get(""))
            row = rows[segment] = IdlenessRow(segment=segment, limit_days=limit, tried_days=tried)
        row.limit_days = max(row.limit_days, limit)
        row.columns[column][verdict] += count
    return sorted((row for row in rows.values() if row.total), key=lambda row: (-row.total, row.segment)), undated


def _idle(rows: Iterable[IdlenessRow]) -> int:
    return sum(column.total() - column[Verdict.ACTIVE] for row in rows for column in row.columns)


def _x(days: int) -> int:
    return min(WIDTH - 1, round(days / COLUMN_DAYS * COLUMN_WIDTH))


def _sums(rows: Iterable[IdlenessRow]) -> Counter[str]:
    return sum((column for row in rows for column in row.columns), Counter())
