"""Back-test: whom would a policy have called dormant on a past day, and who of them has been back since?

Accounts are taken as they are judged now, and only their activity is set back: from the newest instant each was seen,
and from the silences that syncs saw end. Before the first sync nothing is known of those seen since.
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
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Cast

from accounts_review.models import Account, ActivityGap, Assessment, PolicyPreview, Sync, Workspace
from accounts_review.rules.dormancy import Standing

IN_UTC = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$"
"""An incarnation that is a date of joining; others are as hostile as what was read."""


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

    @property
    def called(self) -> int:
        return self.silent + self.returned


def backtest(*, workspace: Workspace, policy_preview: PolicyPreview | None, on: datetime) -> list[LookBack]:
    """Each segment of the policy in force, or of a preview that was judged, on a past day; the largest first."""
    first = first_reading(workspace)
    was_read = first is not None and first <= on
    unknown = Q(("was_away", False), ("joined__lte", F("cutoff")), activity_at__gt=on) if not was_read else Q(pk__in=[])
    counted = (
        _judged(workspace, policy_preview, on)
        .order_by()
        .values("segment")
        .annotate(
            silent=Count("pk", filter=Q(("silent_since__lte", F("cutoff")))),
            back=Count("pk", filter=Q(("returned", True))),
            unknown=Count("pk", filter=unknown),
        )
    )
    found = [
        LookBack(segment=row["segment"], silent=row["silent"], returned=row["back"], unknown=row["unknown"])
        for row in counted
    ]
    return sorted(found, key=lambda tested: (-tested.called, tested.segment))


def returned(*, workspace: Workspace, policy_preview: PolicyPreview | None, on: datetime) -> QuerySet[Account]:
    """The accounts that would have been called dormant on a past day and were seen since; adds both instants."""
    judged = _judged(workspace, policy_preview, on).filter(Q(("returned", True)))
    spanning = ActivityGap.objects.filter(account=OuterRef("pk"), silent_since__lte=on, seen_at__gt=on)
    columns: dict[str, Any] = {name: spanning.values(name)[:1] for name in ("silent_since", "seen_at")}
    accounts = Account.objects.filter(pk__in=judged.values("account")).select_related("assessment", "workspace")
    return accounts.annotate(**columns).order_by("username", "pk")


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
    ended = ActivityGap.objects.filter(account=OuterRef("account"), silent_since__lte=on, seen_at__gt=on)
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
