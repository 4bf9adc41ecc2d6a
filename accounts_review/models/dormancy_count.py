"""How many accounts become dormant on which day: what pages count from, so that a million costs no more than a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from django.db.models import BooleanField, Case, Count, QuerySet, Sum, Value, When
from psycopg.types.json import Jsonb

from accounts_review.models.assessment import Assessment
from accounts_review.models.prepared import Prepared
from accounts_review.models.rewrite import wait_to_rewrite
from accounts_review.models.workspace import Workspace
from accounts_review.rules.dormancy import BEFORE_ALL_DATES, Standing


class DormancyCountQuerySet(models.QuerySet["DormancyCount"]):
    def gather(self, workspace: Workspace) -> None:
        """Draw together what was counted piece by piece; the sums stay."""
        with transaction.atomic(), connection.cursor() as cursor:
            wait_to_rewrite(workspace)
            cursor.execute(_GATHER, [workspace.pk])

    def by_standing(
        self, workspace: Workspace, *, at: datetime, is_unused: bool = False
    ) -> Iterator[tuple[str, str, bool, int]]:
        """Segment, standing, whether past the limit at an instant, and how many; they add up, as some are corrections.

        Only those never used, where ``is_unused``.
        """
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        given = {"workspace": workspace.pk, "now": at, "midnight": midnight, "today": midnight.date()}
        for segment, standing, found, count in _by_day(is_unused).rows(**given):
            if found is not None:
                yield segment, standing, found, count
            else:
                # Who crossed today.
                yield from ((segment, standing, is_past, sign * count) for is_past, sign in ((False, -1), (True, 1)))

    def dormant(self, workspace: Workspace, *, now: datetime) -> int:
        """How many listed accounts are dormant at an instant, exemptions aside."""
        return sum(self.dormant_by_segment(workspace, at=now).values())

    def dormant_by_segment(
        self, workspace: Workspace, *, at: datetime, tried: Mapping[str, int] | None = None
    ) -> dict[str, int]:
        """The same by segment, where some would wait as many days as are ``tried``."""
        asked: dict[str, Any] = {"workspace": workspace.pk, "at": at, "tried": Jsonb(dict(tried or {}))}
        with connection.cursor() as cursor:
            cursor.execute(_DORMANT, asked)
            return dict(cursor.fetchall())

    def count_anew(self, table: str, *, workspace: int, version: int) -> None:
        """Count the assessments of a workspace as a table will have them, under a version that is not there yet."""
        with connection.cursor() as cursor:
            cursor.execute(_COUNT_ANEW.format(table=table), {"workspace": workspace, "version": version})

    def recount(self, workspace: Workspace) -> None:
        """Count a workspace's assessments from scratch."""
        with transaction.atomic(), connection.cursor() as cursor:
            wait_to_rewrite(workspace)
            cursor.execute(_RECOUNT, [workspace.pk, workspace.pk])

    @contextmanager
    def follow(self, limits: Mapping[str, int], *, workspace: int) -> Iterator[None]:
        """While segments are given other limits, in days: move what is counted by as many, in place of counting anew.

        Nothing else may be written to assessments meanwhile.
        """
        with connection.cursor() as cursor:
            cursor.execute(_FOLLOWING, ["on"])
            yield
            cursor.execute(_FOLLOWING, ["off"])
        self.move(limits, workspace=workspace)

    def move(self, limits: Mapping[str, int], *, workspace: int) -> None:
        """Move what is counted by the days of other limits, where no trigger was told of the assessments that moved."""
        given: dict[str, Any] = {"segments": [*limits], "days": [*limits.values()], "workspace": workspace}
        given["never"] = BEFORE_ALL_DATES.date()
        with connection.cursor() as cursor:
            cursor.execute(_MOVE, given)


class DormancyCount(models.Model):
    """How many listed accounts have a standing and a ``dormant_from`` on a day (UTC).

    Rows about the same add up, also to less: triggers on the assessments write one for each change, in its transaction.
    Nobody waits for anybody, and the sum is right at any time.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    segment = models.TextField()
    limit_days = models.PositiveIntegerField()
    standing = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Standing])
    never_used = models.BooleanField()
    is_dated = models.BooleanField()
    """Whether any date is valid; ``day`` lies before all dates where none is."""
    day = models.DateField()
    count = models.IntegerField()

    objects = DormancyCountQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(
                fields=("workspace", "day"),
                include=("segment", "limit_days", "standing", "never_used", "is_dated", "count"),
                name="dormancy_count_by_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.standing} in {self.segment} from {self.day}"


@cache
def _by_day(is_unused: bool) -> Prepared:  # noqa: FBT001
    narrowed = {"never_used": True} if is_unused else {}

    def build(workspace: int, now: datetime, midnight: datetime, today: date) -> QuerySet[Any, Any]:
        is_past = Case(When(day__lt=today, then=True), default=False, output_field=BooleanField())
        by_day = DormancyCount.objects.filter(workspace=workspace, **narrowed).order_by().annotate(is_past=is_past)
        crossed = Assessment.objects.filter(dormant_from__gte=midnight, dormant_from__lte=now, **narrowed).order_by()
        of_today = crossed.filter(is_listed=True, account__workspace=workspace)
        of_today = of_today.annotate(is_past=Value(None, output_field=BooleanField()))
        columns = ("segment", "standing", "is_past")
        counted = by_day.values_list(*columns).annotate(total=Sum("count"))
        return counted.union(of_today.values_list(*columns).annotate(total=Count("pk")), all=True)

    return Prepared(build, workspace=int, now=datetime, midnight=datetime, today=date)


_GROUP = "workspace_id, segment, limit_days, standing, never_used, is_dated, day"
_GATHER = f"""
WITH gone AS (
    DELETE FROM accounts_review_dormancycount WHERE workspace_id = %s RETURNING *
)
INSERT INTO accounts_review_dormancycount ({_GROUP}, count)
SELECT {_GROUP}, sum(count) FROM gone GROUP BY {_GROUP} HAVING sum(count) <> 0
"""  # noqa: S608 (constants)
# By day; those of the last day one by one.
_DORMANT = f"""
WITH counted AS MATERIALIZED (
    SELECT segment, limit_days, day, count, %(at)s::timestamptz
        + make_interval(days => limit_days - coalesce((%(tried)s::jsonb ->> segment)::int, limit_days)) AS bound
    FROM accounts_review_dormancycount WHERE workspace_id = %(workspace)s AND standing = '{Standing.ORDINARY}'
), bounds AS (
    SELECT segment, limit_days, bound FROM counted GROUP BY 1, 2, 3 HAVING sum(count) <> 0
)
SELECT segment, sum(count)::int FROM (
    SELECT segment, count FROM counted JOIN bounds USING (segment, limit_days, bound)
        WHERE day < (bound AT TIME ZONE 'UTC')::date
    UNION ALL
    SELECT bounds.segment, last_day.count FROM bounds CROSS JOIN LATERAL (
        SELECT count(*) AS count
        FROM accounts_review_assessment judged JOIN accounts_review_policyversion policy ON policy.id = policy_id
        WHERE workspace_id = %(workspace)s AND is_listed AND standing = '{Standing.ORDINARY}'
            AND judged.segment = bounds.segment AND judged.limit_days = bounds.limit_days
            AND dormant_from >= date_trunc('day', bound, 'UTC') AND dormant_from <= bound
    ) last_day
) dormant
GROUP BY segment
"""  # noqa: S608 (constants)
# The triggers ask for it; it ends with the transaction.
_FOLLOWING = "SELECT set_config('accounts_review.counts_follow', %s, true)"
# Whoever changed a judgement of these segments has committed by now, or waits for the row: all that is counted is seen.
_MOVE = """
UPDATE accounts_review_dormancycount SET limit_days = moved.days,
    day = CASE WHEN day = %(never)s THEN day ELSE day + (moved.days - limit_days) END
FROM unnest(%(segments)s::text[], %(days)s::int[]) moved (name, days)
WHERE workspace_id = %(workspace)s AND segment = moved.name
"""
_COUNT_ANEW = f"""
WITH gone AS (
    DELETE FROM accounts_review_dormancycount WHERE workspace_id = %(workspace)s
)
INSERT INTO accounts_review_dormancycount ({_GROUP}, count)
SELECT %(workspace)s, segment, limit_days, standing, never_used, activity_at IS NOT NULL,
    (dormant_from AT TIME ZONE 'UTC')::date, count(*)
FROM {{table}} WHERE is_listed AND (
    policy_id = %(version)s OR policy_id IN (
        SELECT id FROM accounts_review_policyversion WHERE workspace_id = %(workspace)s
    )
)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608 (constants)
_RECOUNT = f"""
WITH gone AS (
    DELETE FROM accounts_review_dormancycount WHERE workspace_id = %s
)
INSERT INTO accounts_review_dormancycount ({_GROUP}, count)
SELECT account.workspace_id, segment, limit_days, standing, never_used, activity_at IS NOT NULL,
    (dormant_from AT TIME ZONE 'UTC')::date, count(*)
FROM accounts_review_assessment JOIN accounts_review_account account ON account.id = account_id
WHERE account.workspace_id = %s AND is_listed
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608 (constants)
