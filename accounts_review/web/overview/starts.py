"""Where a review can start: the lists that can be decided on in one go, with how many are in each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict
from django.urls import reverse

from accounts_review.models import Workspace
from accounts_review.web.review.saved_views import BUILT_IN
from accounts_review.web.review.selection import filtered

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
    accounts = filtered(QueryDict(query), workspace=workspace, now=now).qs
    count = accounts.order_by().values("pk")[: MOST_COUNTED + 1].count()
    url = reverse("review", kwargs={"workspace": workspace.name})
    return Start(name, min(count, MOST_COUNTED), f"{url}?{query}", count > MOST_COUNTED)
