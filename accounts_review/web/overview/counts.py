"""Who waits in a workspace: what its overview counts, and the overview of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, QuerySet

from accounts_review.models import Account, Workspace
from accounts_review.rules.policy import ALWAYS_PROTECTED


def dormant_administrators(workspace: Workspace, *, now: datetime) -> QuerySet[Account]:
    """Idle past their limit, and never revoked because of what they may do: nobody else's list shows them."""
    here = _dormant_administrators(now).filter(workspace=workspace)
    return here.order_by("assessment__dormant_from", "pk")


def count_dormant_administrators(workspaces: Iterable[Workspace], *, now: datetime) -> Counter[int]:
    """How many there are in each of some workspaces, by their keys: asked once for all of them."""
    there = _dormant_administrators(now).filter(workspace__in=[each.pk for each in workspaces])
    return Counter(dict(there.values_list("workspace").annotate(Count("pk"))))


def _dormant_administrators(now: datetime) -> QuerySet[Account]:
    holds = [{"code": "right", "subject": ALWAYS_PROTECTED}]
    return Account.objects.reviewable().filter(
        assessment__standing="protected", assessment__dormant_from__lte=now, assessment__reasons__contains=holds
    )
