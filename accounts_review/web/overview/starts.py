"""Where a review can start: the lists that can be decided on in one go, with how many are in each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from accounts_review.models import Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.rules.dormancy import Standing
from accounts_review.web.review.decided import undecided
from accounts_review.web.review.saved_views import BUILT_IN

MOST_COUNTED = 1_000
"""Of more it is said that they are more: the page of the list counts further."""


@dataclass(frozen=True, slots=True)
class Start:
    """A list of the review page that awaits decisions."""

    name: str
    count: int
    url: str
    is_capped: bool
    """Whether there are more, which nobody counted."""


def starts(workspace: Workspace, *, now: datetime) -> list[Start]:
    """The lists built in whose accounts are open for decision; none that is empty."""
    found = (_start(workspace, str(name), query, now=now) for name, query in BUILT_IN if "state=open" in query)
    return [start for start in found if start.count]


def _start(workspace: Workspace, name: str, query: str, *, now: datetime) -> Start:
    asked = QueryDict(query)
    since = now - timedelta(days=int(asked["idle"]))
    counted = _counted(is_unused="never_used" in asked).rows(workspace=workspace.pk, now=now, since=since)
    url = reverse("review", kwargs={"workspace": workspace.name})
    return Start(name, min(len(counted), MOST_COUNTED), f"{url}?{query}", len(counted) > MOST_COUNTED)


@cache
def _counted(*, is_unused: bool) -> Prepared:
    """Who is on a list built in: open for decision, dormant, idle since an instant, and never used where it says so."""
    narrowed = {"never_used": True} if is_unused else {}

    def build(workspace: int, now: datetime, since: datetime) -> QuerySet[Any, Any]:
        dormant = undecided(workspace, now).filter(dormant_from__lte=now, standing=Standing.ORDINARY.value)
        return dormant.filter(activity_at__lte=since, **narrowed).order_by().values_list("pk")[: MOST_COUNTED + 1]

    return Prepared(build, workspace=int, now=datetime, since=datetime)
