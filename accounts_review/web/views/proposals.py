"""A proposed policy: what it would change, who would move, and the button that puts it in force."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django_tables2 import RequestConfig

from accounts_review import tasks
from accounts_review.dormancy import Verdict
from accounts_review.export import movers_sheet
from accounts_review.models import Proposal, may, permit
from accounts_review.models.account import VERDICT_LABELS, AccountQuerySet
from accounts_review.record import note
from accounts_review.web import policy_words
from accounts_review.web.access import WorkspaceView
from accounts_review.web.download import download
from accounts_review.web.foresight import Foresight, difference
from accounts_review.web.tables_of_policy import MoverTable
from accounts_review.workflow import foresee


class ProposalPage(WorkspaceView):
    """What a proposal would change, or how far computing that has come; the whole page or its progress."""

    def get(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        proposal = self._proposal(pk)
        if proposal is None:
            return self._gone()
        context = {
            "proposal": proposal,
            "may_edit": may(self.request.user, "administer"),
            "seen": foresee.stamp(proposal),
            "lines": difference(proposal.over.text, proposal.text),
            "changes": policy_words.changes(proposal.over.rules, proposal.rules),
            "is_superseded": not proposal.over.is_current,
        }
        if proposal.state == Proposal.State.READY and not self.is_partial:
            context["foresight"] = Foresight(proposal, now=self.now)
            context["outstanding"] = len(foresee.outstanding(proposal))
        self.template_name = (
            f"accounts_review/{'partials/policy_progress' if self.is_partial else 'policy_proposal'}.html"
        )
        response = self.render_to_response(self.get_context_data(**context))
        if self.is_partial and proposal.state != Proposal.State.JUDGING:
            # It has ended: the page has something else to show.
            response["HX-Refresh"] = "true"
        return response

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "administer")
        proposal = self._proposal(pk)
        if proposal is None:
            return self._gone()
        match request.POST.get("verb"):
            case "activate":
                return self._activate(proposal, str(request.POST.get("seen", "")))
            case "stop":
                foresee.stop(proposal=proposal, actor=self.request.user)
            case _:
                self._look_again(proposal)
        return redirect("proposal", workspace=self.workspace.name, pk=pk)

    def _activate(self, proposal: Proposal, seen: str) -> HttpResponse:
        try:
            version = foresee.activate(proposal=proposal, seen=seen, actor=self.request.user, now=self.now)
        except foresee.Outdated as problem:
            messages.error(self.request, str(problem))
            if not isinstance(problem, foresee.Superseded):
                self._look_again(proposal)
            return redirect("proposal", workspace=self.workspace.name, pk=proposal.pk)
        said = _("Version %(number)d is in force, and everybody is judged by it.")
        messages.success(self.request, said % {"number": version.number})
        return redirect("policy", workspace=self.workspace.name)

    def _look_again(self, proposal: Proposal) -> None:
        foresee.resume(proposal=proposal, actor=self.request.user, now=self.now)
        proposal.refresh_from_db()
        tasks.preview(proposal)

    def _proposal(self, pk: int) -> Proposal | None:
        return Proposal.objects.filter(workspace=self.workspace, pk=pk).select_related("workspace", "over").first()

    def _gone(self) -> HttpResponse:
        messages.info(self.request, _("This preview is gone: it was replaced by another, or is in force already."))
        return redirect("policy", workspace=self.workspace.name)


class MoversForm(forms.Form):
    """Which of the accounts under a proposal are asked for."""

    CHOICES = [(verdict.value, VERDICT_LABELS[verdict]) for verdict in Verdict]

    before = forms.ChoiceField(choices=CHOICES, required=False)
    after = forms.ChoiceField(choices=CHOICES, required=False)
    case = forms.CharField(max_length=20, required=False)


class Movers(WorkspaceView):
    """The accounts that a proposal would move from one verdict to another, or whose case it would end."""

    template_name = "accounts_review/policy_movers.html"

    def get(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponseBase:
        proposal = get_object_or_404(Proposal.objects.select_related("over"), workspace=self.workspace, pk=pk)
        form = MoversForm(request.GET)
        asked = form.cleaned_data if form.is_valid() else {}
        accounts = self._asked(proposal, asked)
        if request.GET.get("format") == "csv":
            return self._export(accounts, proposal, asked)
        table = MoverTable(accounts.order_by("username", "pk"), now=self.now, workspace=self.workspace)
        RequestConfig(request, paginate={"per_page": 50}).configure(table)
        query = request.GET.copy()
        query.pop("page", None)
        context = {"proposal": proposal, "asked": asked, "table": table, "query": query.urlencode()}
        return self.render_to_response(self.get_context_data(**context))

    def _asked(self, proposal: Proposal, asked: dict[str, Any]) -> AccountQuerySet:
        accounts = foresee.accounts_under(proposal, now=self.now)
        if asked.get("case"):
            return accounts.filter(foresee.SPARED, Q(("case_state", asked["case"])))
        for name, column in (("before", "verdict"), ("after", "verdict_after")):
            if asked.get(name):
                accounts = accounts.filter(**{column: asked[name]})
        return accounts

    def _export(self, accounts: AccountQuerySet, proposal: Proposal, asked: dict[str, Any]) -> HttpResponseBase:
        data = {"proposal": proposal.pk, "count": accounts.count(), "format": "csv"}
        data |= {name: value for name, value in asked.items() if value}
        login = self.request.user.get_username()
        note([self.workspace], kind="accounts.exported", actor=login, now=self.now, data=data)
        return download(self, movers_sheet(accounts.order_by("username", "pk")), kind="csv")
