"""A proposed policy: what it would change, who would move, and the button that puts it in force."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django_tables2 import RequestConfig

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Case, PolicyPreview, may, permit
from accounts_review.models.account import BY_USERNAME, SEARCHED, VERDICT_LABELS, AccountQuerySet, is_spared_under
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.rules.dormancy import Verdict
from accounts_review.spreadsheet.rows import preview_sheet
from accounts_review.tasks import actions
from accounts_review.web.policy.difference import difference
from accounts_review.web.policy.tables import PreviewAccountsTable
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.download import download
from accounts_review.wording import policies, policy_findings
from accounts_review.workflow.policy import preview, second_person
from accounts_review.workflow.policy.impact import Impact
from accounts_review.workflow.policy.moves import accounts_under


class PreviewPage(WorkspaceView):
    """What a preview would change, or how far computing that has come; the whole page or its progress.

    Once another version is in force there are no numbers any more: they may rest on what the earlier one said.
    """

    needs_to_act = "administer"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return _("Put the policy in force") if request.POST.get("verb") == "activate" else ""

    def get(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        policy_preview = self._preview(pk)
        if policy_preview is None:
            return self._gone()
        context = {
            "policy_preview": policy_preview,
            "may_edit": may(self.request.user, "administer", self.workspace),
            "seen": preview.stamp(policy_preview),
            "lines": difference(policy_preview.over.text, policy_preview.text),
            "changes": policies.changes(policy_preview.over.rules, policy_preview.rules),
            "is_superseded": not policy_preview.over.is_current,
        }
        is_ready = policy_preview.state == PolicyPreview.State.READY
        if is_ready and policy_preview.over.is_current and not self.is_partial:
            context["impact"] = Impact(policy_preview, now=self.now)
            context["findings"] = policy_findings.by_kind(policy_preview.findings)
            context["loosened"] = [policy_findings.in_words(found) for found in self._loosened(policy_preview)]
            if second_person.is_missing(policy_preview, actor=self.request.user):
                others = second_person.others_than(self.request.user, self.workspace)
                context["others"] = ", ".join(others.values_list("username", flat=True))
            context["outstanding"] = len(preview.outstanding(policy_preview))
        self.template_name = f"accounts_review/policy/{'_progress' if self.is_partial else 'preview'}.html"
        response = self.render_to_response(self.get_context_data(**context))
        if self.is_partial and policy_preview.state != PolicyPreview.State.JUDGING:
            # It has ended: the page has something else to show.
            response["HX-Refresh"] = "true"
        return response

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "administer", self.workspace)
        policy_preview = self._preview(pk)
        if policy_preview is None:
            return self._gone()
        match request.POST.get("verb"):
            case "activate":
                return self._activate(policy_preview, str(request.POST.get("seen", "")))
            case "stop":
                preview.stop(policy_preview=policy_preview, actor=self.request.user)
            case _:
                self._look_again(policy_preview)
        return redirect("policy_preview", workspace=self.workspace.name, pk=pk)

    def _loosened(self, policy_preview: PolicyPreview) -> list[policy_findings.Found]:
        """Where it is looser than the policy in force, in a workspace whose removals are real."""
        findings = policy_preview.findings if self.workspace.is_live else []
        return [found for found in findings if found["code"] in policy_findings.LOOSER]

    def _activate(self, policy_preview: PolicyPreview, seen: str) -> HttpResponse:
        has_reason = self._keep_reason(policy_preview)
        if self._loosened(policy_preview) and self.request.POST.get("loosens") != "yes":
            messages.error(
                self.request, _("Nothing was changed. First tick the box that says you want a looser policy.")
            )
            return redirect("policy_preview", workspace=self.workspace.name, pk=policy_preview.pk)
        if not has_reason:
            messages.error(self.request, _("Nothing was changed. Give a reason; it is recorded in the audit."))
            return redirect("policy_preview", workspace=self.workspace.name, pk=policy_preview.pk)
        try:
            version = preview.activate(policy_preview=policy_preview, seen=seen, actor=self.request.user, now=self.now)
        except preview.SecondPersonMissing:
            second_person.agree(policy_preview=policy_preview, actor=self.request.user, now=self.now)
            messages.success(self.request, _("Nothing is in force yet: another administrator has to confirm it."))
            return redirect("policy_preview", workspace=self.workspace.name, pk=policy_preview.pk)
        except preview.Outdated as problem:
            messages.error(self.request, str(problem))
            if not isinstance(problem, preview.Superseded):
                self._look_again(policy_preview)
            return redirect("policy_preview", workspace=self.workspace.name, pk=policy_preview.pk)
        message = _("Version %(number)d is in force; every account is assessed under it.")
        messages.success(self.request, message % {"number": version.number})
        return redirect("policy", workspace=self.workspace.name)

    def _keep_reason(self, policy_preview: PolicyPreview) -> bool:
        """Take the reason that is given with the activation, where it is; whether there is any."""
        given = str(self.request.POST.get("reason", policy_preview.reason)).strip()[:LONGEST_REASON]
        if given and given != policy_preview.reason:
            PolicyPreview.objects.filter(pk=policy_preview.pk).update(reason=given)
            policy_preview.reason = given
        return bool(given)

    def _look_again(self, policy_preview: PolicyPreview) -> None:
        preview.resume(policy_preview=policy_preview, actor=self.request.user, now=self.now)
        policy_preview.refresh_from_db()
        actions.preview_policy(policy_preview)

    def _preview(self, pk: int) -> PolicyPreview | None:
        return PolicyPreview.objects.filter(workspace=self.workspace, pk=pk).select_related("workspace", "over").first()

    def _gone(self) -> HttpResponse:
        messages.info(self.request, _("This preview no longer exists: another replaced it, or it is already in force."))
        return redirect("policy", workspace=self.workspace.name)


SHOWN = (*SEARCHED, "assessment__segment", "assessment__activity_at")
"""What the list shows of an account."""


class PreviewAccountsForm(forms.Form):
    """Which of the accounts under a preview are asked for."""

    CHOICES = [(verdict.value, VERDICT_LABELS[verdict]) for verdict in Verdict]

    before = forms.ChoiceField(choices=CHOICES, required=False)
    after = forms.ChoiceField(choices=CHOICES, required=False)
    case = forms.CharField(max_length=20, required=False)


class PreviewAccounts(WorkspaceView):
    """The accounts that a preview would move from one verdict to another, or whose case it would end."""

    template_name = "accounts_review/policy/preview_accounts.html"

    def get(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponseBase:
        policy_preview = get_object_or_404(
            PolicyPreview.objects.select_related("over"), workspace=self.workspace, over__is_current=True, pk=pk
        )
        form = PreviewAccountsForm(request.GET)
        asked = form.cleaned_data if form.is_valid() else {}
        accounts = self._asked(policy_preview, asked)
        if request.method == "GET" and request.GET.get("format") == "csv":
            return self._export(accounts, policy_preview, asked)
        table = PreviewAccountsTable(accounts.only(*SHOWN), now=self.now, workspace=self.workspace)
        RequestConfig(request, paginate={"per_page": 50}).configure(table)
        query = request.GET.copy()
        query.pop("page", None)
        context = {"policy_preview": policy_preview, "asked": asked, "table": table, "query": query.urlencode()}
        return self.render_to_response(self.get_context_data(**context))

    def _asked(self, policy_preview: PolicyPreview, asked: dict[str, Any]) -> AccountQuerySet:
        accounts = accounts_under(policy_preview, now=self.now).order_by(BY_USERNAME, "pk")
        if asked.get("case"):
            in_state = Case.objects.open().filter(state=asked["case"]).values("account")
            return accounts.filter(is_spared_under(policy_preview, self.now), pk__in=in_state)
        # As conditions that indexes answer: by the verdicts that they are shown with, everybody would be looked at.
        if asked.get("before"):
            accounts = accounts.whose_verdict(asked["before"], now=self.now)
        if asked.get("after"):
            accounts = accounts.whose_verdict_under(policy_preview, asked["after"], now=self.now)
        return accounts

    def _export(
        self, accounts: AccountQuerySet, policy_preview: PolicyPreview, asked: dict[str, Any]
    ) -> HttpResponseBase:
        data = {"policy_preview": policy_preview.pk, "count": accounts.count(), "format": "csv"}
        data |= {name: value for name, value in asked.items() if value}
        login = self.request.user.get_username()
        audit.log([self.workspace], kind=Event.ACCOUNTS_EXPORTED, actor=login, now=self.now, data=data)
        return download(self, preview_sheet(accounts), kind="csv")
