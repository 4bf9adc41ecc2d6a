"""Back-test: whom would a policy have called dormant on a past day, and who of them has been back since?

Accounts are taken as they are judged now, and only their activity is set back: from the newest instant each was seen,
and from the silences that syncs saw end. Before the first sync nothing is known of those seen since.

Of a million accounts, who is silent comes from what is counted by day, who returned from the silences, and of whom
nothing is known from a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast

from accounts_review.models import Account, ActivityGap, Assessment, DormancyCount, PolicyPreview, Sync, Workspace
from accounts_review.models.keys import Among
from accounts_review.rules.dormancy import Standing

IN_UTC = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$"
"""An incarnation that is a date of joining; others are as hostile as what was read."""

SAMPLE = 10_000
"""Of more accounts than twice as many, so many are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """One segment on the day: who would have been called dormant, and what is known of them since."""

    segment: str
    silent: int
    """Called dormant then, and not seen since."""
    returned: int
    """Called dormant then, and seen since: a false alarm."""
    unknown: int
    """Seen since, but how long they had been silent on the day is not known."""
    is_about: bool = False
    """Whether ``unknown`` is an estimate, from a sample of very many."""

    @property
    def called(self) -> int:
        return self.silent + self.returned


def backtest(*, workspace: Workspace, policy_preview: PolicyPreview | None, on: datetime) -> list[LookBack]:
    """Each segment of the policy in force, or of a preview that was judged, on a past day; the largest first."""
    judged = _judged(workspace, policy_preview, on)
    silent = _silent(workspace, policy_preview, on, judged)
    back = _by_segment(_back(judged, on))
    unknown, step = _unknown(workspace, judged, on)
    found = [
        LookBack(
            segment=segment,
            silent=silent.get(segment, 0),
            returned=back.get(segment, 0),
            unknown=_about(unknown.get(segment, 0) * step) if step > 1 else unknown.get(segment, 0),
            is_about=step > 1 and segment in unknown,
        )
        for segment in {**silent, **back, **unknown}
    ]
    return sorted(found, key=lambda tested: (-tested.called, tested.segment))


def _silent(
    workspace: Workspace, policy_preview: PolicyPreview | None, on: datetime, judged: QuerySet[Any]
) -> dict[str, int]:
    tried = policy_preview.moved_limits if policy_preview else {}
    if tried is None:
        silent = Count("pk", filter=Q(("silent_since__lte", F("cutoff"))))
        return dict(judged.order_by().values_list("segment").annotate(silent=silent))
    return DormancyCount.objects.dormant_by_segment(workspace, at=on, tried=tried)


def _unknown(workspace: Workspace, judged: QuerySet[Any], on: datetime) -> tuple[dict[str, int], int]:
    """Of how many it is not known, by segment, among one account in so many; and in how many."""
    first = first_reading(workspace)
    if first is not None and first <= on:
        return {}, 1
    listed = DormancyCount.objects.filter(workspace=workspace).aggregate(count=Sum("count"))["count"] or 0
    step = max(1, listed // SAMPLE)
    rows = judged.filter(Q(("was_away", False), ("joined__lte", F("cutoff"))), activity_at__gt=on)
    if step > 1:
        ends = Account.objects.filter(workspace=workspace).aggregate(least=Min("pk"), most=Max("pk"))
        least, most = ends["least"] or 0, ends["most"] or 0
        rows = rows.filter(account__in=Among(range(least, most + 1, step)))
    return _by_segment(rows), step


def _by_segment(judged: QuerySet[Any]) -> dict[str, int]:
    return dict(judged.order_by().values_list("segment").annotate(Count("pk")))


def _about(count: int) -> int:
    """A number of which the first two digits tell something."""
    return round(count, 2 - len(str(count)))


def returned(*, workspace: Workspace, policy_preview: PolicyPreview | None, on: datetime) -> QuerySet[Account]:
    """The accounts that would have been called dormant on a past day and were seen since; adds both instants."""
    judged = _back(_judged(workspace, policy_preview, on), on)
    spanning = _ended(on).filter(account=OuterRef("pk"))
    columns: dict[str, Any] = {name: spanning.values(name)[:1] for name in ("silent_since", "seen_at")}
    accounts = Account.objects.filter(pk__in=judged.values("account")).select_related("assessment", "workspace")
    return accounts.annotate(**columns).order_by("username", "pk")


def _back(judged: QuerySet[Any], on: datetime) -> QuerySet[Any]:
    """Those judged who would have been called dormant and were seen since; by way of the silences, which are few."""
    return judged.filter(Q(("returned", True)), account__in=_ended(on).values("account"))


def _ended(on: datetime) -> QuerySet[ActivityGap]:
    """The silences that lasted on the day and have ended since."""
    return ActivityGap.objects.filter(silent_since__lte=on, seen_at__gt=on).order_by()


def first_reading(workspace: Workspace) -> datetime | None:
    """Since when what people do is known: the first sync that was complete."""
    complete = Sync.objects.filter(workspace=workspace, state=Sync.State.COMPLETE).order_by("started_at")
    return complete.values_list("started_at", flat=True).first()


def _judged(workspace: Workspace, policy_preview: PolicyPreview | None, on: datetime) -> QuerySet[Any]:
    """The judgements of listed accounts that nothing protects, each with what is known of it on the day."""
    moved = policy_preview.moved_limits if policy_preview else {}
    rows: QuerySet[Any] = Assessment.objects.all()
    if policy_preview and moved is None:
        rows = policy_preview.assessments.all()
    moves = (When(segment=name, then=Value(limit)) for name, limit in (moved or {}).items())
    days = Case(*moves, default="limit_days", output_field=IntegerField())
    listed = Account.objects.filter(workspace=workspace).listed()
    one = Value(timedelta(days=1))
    silent_since = ExpressionWrapper(F("dormant_from") - F("limit_days") * one, DateTimeField())
    ended = _ended(on).filter(account=OuterRef("account"))
    joined = Case(When(account__incarnation__regex=IN_UTC, then=Cast("account__incarnation", DateTimeField())))
    columns: dict[str, Any] = {
        "silent_since": silent_since,
        "cutoff": ExpressionWrapper(Value(on) - days * one, DateTimeField()),
        "joined": joined,
        "was_away": Exists(ended),
        "returned": Exists(ended.filter(silent_since__lte=OuterRef("cutoff"))),
    }
    ordinary = rows.filter(standing=Standing.ORDINARY, account__in=listed)
    judged: QuerySet[Any] = ordinary.annotate(**columns)
    return judged
