"""Moves: what a policy preview makes of the accounts, of the open cases and of what people were promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Max, Min, Q

from accounts_review.models import Account, Assessment, Case, Exemption, PolicyPreview, PolicyVersion, Workspace
from accounts_review.models.account import AccountQuerySet, active_under, is_spared_under
from accounts_review.rules.dormancy import verdict_of
from accounts_review.rules.lifecycle import ENDED, CaseState

OPEN = sorted(state.value for state in CaseState if state not in ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How many accounts have one verdict and segment now, and would have these others."""

    segment: str
    segment_after: str
    verdict: str
    verdict_after: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """The open cases in one state, and how many of them would no longer be dormant, and so be spared."""

    state: str
    count: int
    spared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """The dates that were given to people and have not passed into an outcome; they stand whatever comes."""

    count: int
    first: datetime | None
    last: datetime | None


def accounts_under(policy_preview: PolicyPreview, *, now: datetime) -> AccountQuerySet:
    """The listed accounts with their verdict as it is and as it would be under a preview."""
    listed = Account.objects.filter(workspace=policy_preview.workspace_id).reviewable()
    return listed.with_verdict(now).with_verdict_under(policy_preview, now)


def moves(policy_preview: PolicyPreview, *, now: datetime) -> list[Move]:
    """Every listed account by verdict and segment, as they are and as they would be.

    In one order, whatever way the database took to count them: they are kept, and compared.
    """
    limits = policy_preview.moved_limits
    if limits is None:
        return sorted(_moves_by_verdict(policy_preview, now=now), key=repr)
    return sorted(_moves_by_limits(policy_preview.workspace_id, limits, now=now), key=repr)


def _moves_by_verdict(policy_preview: PolicyPreview, *, now: datetime) -> list[Move]:
    names = ("assessment__segment", "segment_after", "verdict", "verdict_after")
    counted = accounts_under(policy_preview, now=now).order_by().values_list(*names).annotate(Count("pk"))
    return [
        Move(segment=segment, segment_after=segment_after, verdict=verdict, verdict_after=verdict_after, count=count)
        for segment, segment_after, verdict, verdict_after, count in counted
    ]


def _moves_by_limits(workspace: int, limits: Mapping[str, int], *, now: datetime) -> list[Move]:
    """Counted from the judgements alone, and by what the database knows to have few values: in a fifth of the time."""
    versions = PolicyVersion.objects.filter(workspace=workspace).values_list("pk", flat=True)
    columns: dict[str, Any] = {
        "is_active": ExpressionWrapper(active_under({}, now), BooleanField()),
        "is_active_after": ExpressionWrapper(active_under(limits, now), BooleanField()),
    }
    judged = Assessment.objects.filter(policy__in=[*versions], is_listed=True).annotate(**columns).order_by()
    counted = judged.values_list(*("segment", "standing", *columns)).annotate(Count("pk"))
    exempt = counted.filter(pk__in=Exemption.objects.in_force(now).values("account"))
    found = Counter[tuple[str, str, str]]()
    for rows, is_exempt, sign in ((counted, False, 1), (exempt, False, -1), (exempt, True, 1)):
        for segment, standing, is_active, is_active_after, count in rows:
            verdict, after = (
                verdict_of(standing, is_active=active, is_exempt=is_exempt).value
                for active in (is_active, is_active_after)
            )
            found[segment, verdict, after] += sign * count
    return [
        Move(segment=segment, segment_after=segment, verdict=verdict, verdict_after=after, count=count)
        for (segment, verdict, after), count in found.items()
        if count
    ]


def touched(policy_preview: PolicyPreview, *, now: datetime) -> list[Touched]:
    """The open cases of the workspace by state."""
    # Of one filter, so that the cases that are counted are those that it lets through.
    is_open = Q(cases__state__in=OPEN, cases__cleanup__workspace=policy_preview.workspace_id)
    by_state = accounts_under(policy_preview, now=now).filter(is_open).order_by().values("cases__state")
    counted = by_state.annotate(n=Count("pk"), spared=Count("pk", filter=is_spared_under(policy_preview, now)))
    return [Touched(state=row["cases__state"], count=row["n"], spared=row["spared"]) for row in counted]


def promises(workspace: Workspace) -> Promises:
    """The dates that people were given and that are still open."""
    given = Case.objects.filter(cleanup__workspace=workspace).open().exclude(promised_at=None)
    found = given.aggregate(count=Count("pk"), first=Min("promised_at"), last=Max("promised_at"))
    return Promises(**found)
