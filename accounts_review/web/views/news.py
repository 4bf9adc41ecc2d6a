"""What others decided on since a list was loaded."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts_review.models import AuditEntry, Workspace
from accounts_review.web.access import WorkspaceView

DECISIONS = (
    "account.approved",
    "account.exempted",
    "account.withdrawn",
    "account.exemption_withdrawn",
    "account.postponed",
    "account.resumed",
)
MOST = 500


@dataclass(frozen=True, slots=True)
class News:
    """What one person did meanwhile, and to how many accounts."""

    actor: str
    kind: str
    count: int


def newest(workspace: Workspace) -> int:
    """The number of the newest entry; the news are what comes after it."""
    return AuditEntry.objects.filter(workspace=workspace.name).values_list("seq", flat=True).first() or 0


class NewsOfOthers(WorkspaceView):
    """Decisions by others after the entry that the list was loaded at; a page asks for it now and then."""

    template_name = "accounts_review/partials/news.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        given = request.GET.get("since", "")
        if not self.is_partial or not (given.isascii() and given.isdecimal() and len(given) < 19):
            return redirect("review", workspace=self.workspace.name)
        entries = AuditEntry.objects.filter(workspace=self.workspace.name, seq__gt=int(given), kind__in=DECISIONS)
        entries = entries.exclude(actor=self.request.user.get_username()).order_by("seq")
        told: dict[tuple[str, str], set[int]] = defaultdict(set)
        for actor, kind, account in entries.values_list("actor", "kind", "account_id")[:MOST]:
            if account is not None:
                told[actor, kind].add(account)
        context = {
            "news": [News(actor, kind, len(accounts)) for (actor, kind), accounts in told.items()],
            "accounts": sorted({account for accounts in told.values() for account in accounts}),
            "since": int(given),
        }
        return self.render_to_response(self.get_context_data(**context))
