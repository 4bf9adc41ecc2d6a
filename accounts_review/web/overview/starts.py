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
from accounts_review.web.review.decided import keep_open_lists, remembered, undecided
from accounts_review.web.review.saved_views import BUILT_IN
from accounts_review.wording.numbers import GroupedNumber, up_to

MOST_COUNTED = 1_000
"""Of more it is said that they are more: the page of the list counts further."""


@dataclass(frozen=True, slots=True)
class Start:
    """A list of the review page that awaits decisions."""

    name: str
    count: GroupedNumber
    url: str


def starts(workspace: Workspace, *, is_moving: bool, now: datetime) -> list[Start]:
    """The lists built in whose accounts are open for decision; none that is empty.

    Those decided on were counted before. Where they are very many, each list is looked for among all of them (50 ms for
    72,000), so what was found is shown again until the next decision; for somewhat longer while a bulk decision goes on
    (``is_moving``).
    """
    asked = [(str(name), query) for name, query in BUILT_IN if "state=open" in query]
    known = remembered(workspace, now=now)
    counts: list[int] | None = known and known.open_lists(or_older=is_moving)
    if counts is None:
        counts = [_count(workspace, query, now=now) for _name, query in asked]
        if known:
            keep_open_lists(known, counts)
    url = reverse("review", kwargs={"workspace": workspace.name})
    found = zip(asked, counts, strict=True)
    return [Start(name, up_to(MOST_COUNTED, count), f"{url}?{query}") for (name, query), count in found if count]


def _count(workspace: Workspace, query: str, *, now: datetime) -> int:
    asked = QueryDict(query)
    since = now - timedelta(days=int(asked["idle"]))
    return len(_counted(is_unused="never_used" in asked).rows(workspace=workspace.pk, now=now, since=since))


@cache
def _counted(*, is_unused: bool) -> Prepared:
    """Who is on a list built in: open for decision, dormant, idle since an instant, and never used where it says so."""
    narrowed = {"never_used": True} if is_unused else {}

    def build(workspace: int, now: datetime, since: datetime) -> QuerySet[Any, Any]:
        dormant = undecided(workspace, now).filter(dormant_from__lte=now, standing=Standing.ORDINARY.value)
        return dormant.filter(activity_at__lte=since, **narrowed).order_by().values_list("pk")[: MOST_COUNTED + 1]

    return Prepared(build, workspace=int, now=datetime, since=datetime)
