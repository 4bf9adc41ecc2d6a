"""What others decided on since a list was loaded."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts_review.web.shared.access import WorkspaceView
from accounts_review.workflow.review.conflicts import decided_since, said_of

MOST_NAMED = 500


class DecisionNews(WorkspaceView):
    """Decisions by others after the entry that the list was loaded at; the list asks for it now and then."""

    template_name = "accounts_review/review/_news.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        given = request.GET.get("since", "")
        if not self.is_partial or not (given.isascii() and given.isdecimal() and len(given) < 19):
            return redirect("review", workspace=self.workspace.name)
        decided = decided_since(int(given), workspaces=[self.workspace], besides=self.request.user)
        context = {
            "acts": [(*act, count) for act, count in Counter((e.actor, e.kind) for e in decided.values()).items()],
            "rows": [(account, said_of(entry)) for account, entry in list(decided.items())[:MOST_NAMED]],
            "since": int(given),
        }
        return self.render_to_response(self.get_context_data(**context))
