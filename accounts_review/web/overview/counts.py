"""Who waits in a workspace: what its overview counts, and the overview of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, QuerySet, Window

from accounts_review.models import Account, Assessment, PolicyVersion, Workspace
from accounts_review.models.keys import Among, one_of
from accounts_review.models.prepared import Prepared
from accounts_review.rules.policy import ALWAYS_PROTECTED

SHOWN = 8


def dormant_administrators(workspace: Workspace, *, now: datetime) -> tuple[list[Account], int]:
    """The first of those idle past their limit, and never revoked because of what they may do, and how many there are:
    nobody else's list shows them."""
    found = _FIRST.rows(workspace=workspace.pk, now=now)
    return (_SHOWN.objects(keys=[key for key, _count in found]), found[0][1]) if found else ([], 0)


def count_dormant_administrators(workspaces: Iterable[Workspace], *, now: datetime) -> Counter[int]:
    """How many there are in each of some workspaces, by their keys: asked once for all of them."""
    there = _judged_so(now).filter(policy__workspace__in=[each.pk for each in workspaces])
    return Counter(dict(there.values_list("policy__workspace").annotate(Count("pk"))))


def _judged_so(now: datetime) -> QuerySet[Assessment]:
    holds = [{"code": "right", "subject": ALWAYS_PROTECTED}]
    return Assessment.objects.filter(
        is_listed=True, standing="protected", dormant_from__lte=now, reasons__contains=holds
    )


def _first(workspace: int, now: datetime) -> QuerySet[Assessment, tuple[int, int]]:
    here = one_of(PolicyVersion.objects.filter(workspace=workspace).order_by().values("pk"), of="policy_id")
    counted = _judged_so(now).filter(here).annotate(count=Window(Count("pk"))).order_by("dormant_from", "pk")
    return counted.values_list("pk", "count")[:SHOWN]


# From the judgements alone: to look each account up as well took most of it, where a thousand are found.
_FIRST = Prepared(_first, workspace=int, now=datetime)
_SHOWN = Prepared(
    lambda keys: Account.objects.filter(pk__in=Among(keys)).assessed().order_by("assessment__dormant_from", "pk"),
    keys=list,
)
