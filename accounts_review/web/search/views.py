"""The search page, and what the field in the bar shows while somebody types."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now

from accounts_review.models import Workspace, may_somewhere, workspaces_of
from accounts_review.web.search import people, places, records
from accounts_review.web.shared.access import PortalView
from accounts_review.web.shared.navigation import looked_up

LONGEST, SHORTEST = 200, 2
"""Characters of a term: one alone would find nearly everybody."""


class Search(PortalView):
    """Everything that a term finds in the workspaces a person may see; of the others they find nothing."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        term = " ".join(request.GET.get("q", "").replace("\0", "").split())[:LONGEST]
        seen = workspaces_of(self.request.user)
        known = looked_up(request)
        here = next((each for each in known if each.name == request.GET.get("workspace")), None)
        context: dict[str, Any] = {"term": term, "here": here, "is_too_short": 0 < len(term) < SHORTEST}
        context["places"] = places.find(term, user=self.request.user, workspaces=[here] if here else known[:20])
        context["are_many"] = len(known) > 1
        if term:
            context |= self._found(term, seen)
        # A number is enough to find what is numbered; a single letter finds no people.
        context["count"] = self._count(context)
        self.template_name = f"accounts_review/search/{'_results' if self.is_partial else 'page'}.html"
        return self.render_to_response(self.get_context_data(**context))

    def _found(self, term: str, seen: QuerySet[Workspace]) -> dict[str, Any]:
        user, found = self.request.user, None
        if len(term) >= SHORTEST:
            found = people.find(term, seen=seen, operated=workspaces_of(user, "operate"), now=now())
        known = [each.account.pk for each in (*found.gone, *found.now)] if found else []
        return {
            "people": found,
            "cleanups": records.cleanups(term, seen=seen),
            "syncs": records.syncs(term, seen=seen),
            "entries": records.entries(term, seen=seen, accounts=known),
            "logins": records.logins(term, viewer=user) if may_somewhere(user, "administer") else [],
        }

    def _count(self, context: dict[str, Any]) -> int:
        found = context.get("people")
        lists = [context.get(name) or [] for name in ("cleanups", "syncs", "entries", "logins", "places")]
        return sum(map(len, lists)) + (len(found.now) + len(found.gone) if found else 0)
