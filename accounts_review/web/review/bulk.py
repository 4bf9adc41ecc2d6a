"""A decision on very many accounts: how far it has come; it is cancelled, let go on, or undone here."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import ngettext

from accounts_review.models import BulkDecision, may
from accounts_review.tasks.queue import enqueue_bulk_decision
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.wording import instants
from accounts_review.wording.numbers import counted
from accounts_review.workflow.review import bulk


class BulkDecisionPage(WorkspaceView):
    """The whole page, or its progress, which asks again by itself."""

    needs_to_act = "decide"

    def get(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        found = self._found(pk)
        may_decide = may(self.request.user, "decide", self.workspace)
        context = {
            "bulk": found,
            "title": _title(found),
            "may_decide": may_decide,
            "is_own": found.by_id == self.request.user.pk,
        }
        if not self.is_partial:
            refusals = bulk.refusals(found, now=self.now)
            context |= {"refusals": refusals, "more": found.skipped - len(refusals)}
            context["standing"] = 0 if found.is_open or not may_decide else bulk.standing(found, now=self.now).count()
        self.template_name = f"accounts_review/review/{'_bulk_progress' if self.is_partial else 'bulk'}.html"
        response = self.render_to_response(self.get_context_data(**context))
        if self.is_partial and found.state != BulkDecision.State.RUNNING:
            # It has ended: the page has something else to show.
            response["HX-Refresh"] = "true"
        return response

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        self.check(self.request.user, self.needs_to_act)
        found = self._found(pk)
        act: dict[str, Any] = {"bulk": found, "actor": self.request.user, "now": self.now}
        try:
            match request.POST.get("verb"):
                case "cancel":
                    bulk.cancel(**act)
                case "undo":
                    found = bulk.undo(**act)
                    enqueue_bulk_decision(found.pk)
                case "again":
                    bulk.confirm_again(**act)
                    enqueue_bulk_decision(found.pk)
        except bulk.NotOpen as problem:
            messages.error(request, str(problem))
        return redirect("bulk_decision", workspace=self.workspace.name, pk=found.pk)

    def _found(self, pk: int) -> BulkDecision:
        decisions = BulkDecision.objects.select_related("workspace", "by").defer("accounts")
        return get_object_or_404(decisions, workspace=self.workspace, pk=pk)


def _title(found: BulkDecision) -> str:
    """What was confirmed, as a heading."""
    match found.decision:
        case "approve":
            said = ngettext("Approve %(count)s account", "Approve %(count)s accounts", found.total)
        case "exempt":
            said = ngettext(
                "Exempt %(count)s account until %(until)s", "Exempt %(count)s accounts until %(until)s", found.total
            )
        case "snooze":
            said = ngettext("Snooze %(count)s account", "Snooze %(count)s accounts", found.total)
        case _:
            said = ngettext(
                "Withdraw the decision on %(count)s account",
                "Withdraw the decisions on %(count)s accounts",
                found.total,
            )
    until = instants.promised(found.until) if found.until else ""
    return said % counted({"count": found.total, "until": until})
