"""How many accounts a workspace has of each segment and verdict, without looking at every account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Case, Q, Value, When
from psycopg.types.json import Jsonb

from accounts_review.models import DormancyCount, Workspace
from accounts_review.models.account import AccountQuerySet
from accounts_review.rules.dormancy import Verdict, verdict_of
from accounts_review.web.review.decided import decided

MOST_COUNTED = 10_000
"""Where nothing is counted beforehand, so many are counted; of more it is said that they are more."""


@dataclass(slots=True)
class Counts:
    """How many have each verdict, and how many of them are open for decision."""

    totals: Counter[str] = field(default_factory=Counter)
    still_open: Counter[str] = field(default_factory=Counter)
    is_capped: bool = False
    """Whether there are more than that: then each number is the least it can be."""
    keys: list[int] | None = None
    """Those on the list, in its order, where each was looked at and none is missing."""

    @property
    def total(self) -> int:
        """How many there are in all, or were looked at."""
        counted = self.totals.total()
        return min(counted, MOST_COUNTED) if self.is_capped else counted

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.totals + other.totals, self.still_open + other.still_open)

    def of_state(self, state: str) -> Counts:
        """Only those who are ``open`` for decision, or ``decided``; all for any other."""
        match state:
            case "open":
                return replace(self, totals=self.still_open)
            case "decided":
                return Counts(self.totals - self.still_open)
        return self


def counts_by_segment(workspace: Workspace, *, now: datetime, is_unused: bool = False) -> dict[str, Counts]:
    """All accounts that the workspace lists, as of an instant: exact, and as quick for a million as for a few.

    Only those never used, where ``is_unused``.

    Those not yet past their limit, and those past it, come from what is counted by day; today's day is looked at, and
    on whom somebody decided is told by :mod:`~accounts_review.web.review.decided`.
    """
    found: dict[str, Counts] = {}
    for segment, standing, is_past, count in DormancyCount.objects.by_standing(workspace, at=now, is_unused=is_unused):
        verdict = verdict_of(standing, is_active=not is_past).value
        counts = found.setdefault(segment, Counts())
        counts.totals[verdict] += count
        counts.still_open[verdict] += count
    for group, count in decided(workspace, now=now).items():
        if is_unused and not group.never_used:
            continue
        verdict = verdict_of(group.standing, is_active=not group.is_past).value
        counts = found.setdefault(group.segment, Counts())
        counts.still_open[verdict] -= count
        if group.is_exempt and group.is_past:
            counts.totals[verdict] -= count
            counts.totals[Verdict.PROTECTED.value] += count
    return {segment: counts for segment, counts in found.items() if counts.totals.total()}


def counts_among(
    accounts: AccountQuerySet,
    *,
    is_open: Q | bool,
    verdicts: Collection[str],
    opens: Collection[bool],
    order: Sequence[Any],
) -> Counts:
    """Some accounts (asked for ``with_verdict``), looked at one by one, but at no more than :data:`MOST_COUNTED`.

    Those of these ``verdicts`` that are open for decision (``is_open``), or not, as ``opens`` has it, are what the page
    shows, in an ``order``. Where all are alike, ``is_open`` says which.
    """
    flag: Any = Value(is_open)
    if isinstance(is_open, Q):
        flag = Case(When(is_open, then=True), default=False, output_field=BooleanField())
    flagged = accounts.order_by().annotate(is_open=flag, place=order[0].expression)
    seen = flagged.values_list("pk", "verdict", "is_open", "place")[: MOST_COUNTED + 1]
    sql, given = seen.query.sql_with_params()
    way = "DESC" if order[0].descending else "ASC"
    listed = f"array_agg(pk ORDER BY place {way}, pk {way}) FILTER (WHERE verdict = ANY(%s) AND is_open = ANY(%s))"
    # Django took 6 ms to put its aggregates around the query.
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_EACH}, {listed} FROM ({sql}) seen (pk, verdict, is_open, place)",  # noqa: S608 (constants)
            [list(verdicts), list(opens), *given],
        )
        *counted, keys = cursor.fetchone()
    is_capped = sum(counted[::2]) > MOST_COUNTED
    totals, still_open = (
        Counter({verdict.value: min(count, MOST_COUNTED) for verdict, count in zip(Verdict, numbers, strict=True)})
        for numbers in (counted[::2], counted[1::2])
    )
    return Counts(totals, still_open, is_capped, None if is_capped else keys or [])


_EACH = ", ".join(
    f"count(*) FILTER (WHERE verdict = '{verdict}'), count(*) FILTER (WHERE verdict = '{verdict}' AND is_open)"
    for verdict in Verdict
)


def crossed(workspace: Workspace, marks: Sequence[datetime]) -> list[int]:
    """How many of those listed have a ``dormant_from`` before each of some instants, counted from the first day on."""
    with connection.cursor() as cursor:
        cursor.execute(_CROSSED, {"marks": list(marks), "workspace": workspace.pk})
        counted = cursor.fetchall()
    whole = accumulate(days for days, _hours in counted)
    return [days + hours for days, (_days, hours) in zip(whole, counted, strict=True)]


# Between one instant and the next whole days, and the hours of the last day.
_CROSSED = """
SELECT
    (
        SELECT coalesce(sum(count), 0) FROM accounts_review_dormancycount
        WHERE workspace_id = %(workspace)s
            AND day >= (before AT TIME ZONE 'UTC')::date AND day < (mark AT TIME ZONE 'UTC')::date
    ),
    (
        SELECT count(*) FROM accounts_review_assessment JOIN accounts_review_account account ON account.id = account_id
        WHERE is_listed AND workspace_id = %(workspace)s
            AND dormant_from >= date_trunc('day', mark, 'UTC') AND dormant_from < mark
    )
FROM (
    SELECT mark, number, coalesce(lag(mark) OVER (ORDER BY number), mark) AS before
    FROM unnest(%(marks)s::timestamptz[]) WITH ORDINALITY given (mark, number)
) marks
ORDER BY number
"""


def counts_by_idle_time(
    workspace: Workspace, *, now: datetime, width: int, last: int, tried: Mapping[str, int]
) -> Iterator[tuple[str, int, int | None, str, int]]:
    """Segment, limit, for how many whole periods of ``width`` days idle (at most ``last``), verdict, and how many.

    To the day; the verdict is exact. The period of those without any date is ``None``. Verdicts are under the limits
    ``tried``, in days by segment (all others at ""), where any are.
    """
    asked: dict[str, Any] = {"today": _day(now), "now": now, "workspace": workspace.pk, "tried": Jsonb(dict(tried))}
    with connection.cursor() as cursor:
        cursor.execute(_BY_IDLE_TIME, asked | {"width": width, "last": last})
        counted = cursor.fetchall()
    for segment, limit, period, standing, is_past, is_exempt, count in counted:
        verdict = Verdict.PROTECTED.value if is_exempt else verdict_of(standing, is_active=not is_past).value
        yield segment, limit, period, verdict, count


# When somebody idle since a limit would have to have passed it by their own, to be past the one that is tried.
_BOUND = """%(now)s::timestamptz + make_interval(days =>
    limit_days - coalesce((%(tried)s::jsonb ->> segment)::int, (%(tried)s::jsonb ->> '')::int, limit_days))"""
# So many whole periods idle, by the day on which the limit is passed.
_PERIOD = "CASE WHEN is_dated THEN LEAST(GREATEST((%(today)s::date - day + limit_days) / %(width)s, 0), %(last)s) END"
# By day; then those who crossed on the very day of the bound, who are not active any more; then those exempt, who are
# protected: they are found before the bound is asked of them, which takes longer. Each part is summed up by itself, so
# that little has to be sorted; the version that judged an account tells its workspace.
_BY_IDLE_TIME = f"""
WITH bounds AS MATERIALIZED (
    SELECT segment, limit_days, {_BOUND} AS bound
    FROM accounts_review_dormancycount WHERE workspace_id = %(workspace)s GROUP BY 1, 2
), crossed AS (
    SELECT segment, limit_days, standing, activity_at IS NOT NULL AS is_dated,
        (dormant_from AT TIME ZONE 'UTC')::date AS day
    FROM bounds CROSS JOIN LATERAL (
        SELECT standing, activity_at, dormant_from
        FROM accounts_review_assessment judged JOIN accounts_review_account account ON account.id = account_id
        WHERE is_listed AND workspace_id = %(workspace)s
            AND judged.segment = bounds.segment AND judged.limit_days = bounds.limit_days
            AND dormant_from >= date_trunc('day', bound, 'UTC') AND dormant_from <= bound
        OFFSET 0
    ) found
), exempt AS (
    SELECT segment, limit_days, standing, activity_at IS NOT NULL AS is_dated,
        (dormant_from AT TIME ZONE 'UTC')::date AS day, count(*) AS count
    FROM (
        SELECT segment, limit_days, standing, activity_at, dormant_from
        FROM accounts_review_exemption JOIN accounts_review_assessment USING (account_id)
        WHERE withdrawn_at IS NULL AND until > %(now)s AND is_listed
            AND policy_id IN (SELECT id FROM accounts_review_policyversion WHERE workspace_id = %(workspace)s)
        OFFSET 0
    ) judged WHERE dormant_from <= {_BOUND} GROUP BY 1, 2, 3, 4, 5
)
SELECT segment, limit_days, {_PERIOD}, standing, day < (bound AT TIME ZONE 'UTC')::date, false, sum(count)::bigint
    FROM accounts_review_dormancycount JOIN bounds USING (segment, limit_days)
    WHERE workspace_id = %(workspace)s GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT segment, limit_days, {_PERIOD}, standing, is_past, false, sum(CASE WHEN is_past THEN 1 ELSE -1 END)
    FROM crossed CROSS JOIN (VALUES (true), (false)) way (is_past) GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT segment, limit_days, {_PERIOD}, standing, true, is_exempt,
        sum(CASE WHEN is_exempt THEN count ELSE -count END)::bigint
    FROM exempt CROSS JOIN (VALUES (true), (false)) way (is_exempt) GROUP BY 1, 2, 3, 4, 6
"""  # noqa: S608 (constants)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
