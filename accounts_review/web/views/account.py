"""The page of one account: every fact, what follows from it, the decisions and the history."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.views.generic import TemplateView

from accounts_review.dormancy import Standing
from accounts_review.lifecycle import WITHDRAWABLE
from accounts_review.models import Account, AuditEntry, may
from accounts_review.web import evidence, sentences
from accounts_review.web.access import WorkspaceView
from accounts_review.web.forms import DecisionForm
from accounts_review.workflow import review

NEWEST_ENTRIES = 100


class AccountPage(WorkspaceView, TemplateView):
    template_name = "accounts_review/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self._account()
        context = super().get_context_data(**kwargs) | self._known(account) | self._history(account)
        context |= {"account": account, "here": self.request.path, "is_assessed": hasattr(account, "assessment")}
        if context["is_assessed"]:
            context |= self._reasoning(account) | self._decisions(account)
        return context

    def _account(self) -> Account:
        accounts = Account.objects.filter(workspace=self.workspace).with_verdict(self.now)
        return get_object_or_404(accounts.select_related("workspace", "assessment__policy"), pk=self.kwargs["pk"])

    def _known(self, account: Account) -> dict[str, Any]:
        listed = {group.uid: group for group in self.workspace.groups.all()}
        rights = evidence.rights_of(listed.values())
        facts = evidence.facts_held(account, rights)
        record, is_cut = evidence.record_for_reading(account.raw)
        return {
            "facts": facts,
            "dates": evidence.dates(account, facts, now=self.now),
            "groups": [(uid, listed.get(uid)) for uid in facts.groups or ()],
            "rights": evidence.effective_rights(facts, {uid: str(group) for uid, group in listed.items()}),
            "record": record,
            "record_is_cut": is_cut,
        }

    def _reasoning(self, account: Account) -> dict[str, Any]:
        return {
            "idleness": evidence.idleness(account, now=self.now),
            "reasons": evidence.reasons_in_force(account),
            "otherwise": evidence.otherwise(account),
            "standing": evidence.STANDINGS[Standing(account.assessment.standing)],
            "has_date": account.assessment.activity_at is not None,
            "exemption": account.exemptions.in_force(self.now).first(),
        }

    def _decisions(self, account: Account) -> dict[str, Any]:
        user = self.request.user
        return {
            "may_decide": may(user, "decide"),
            "is_own": review.is_own(account, user),
            "objection": review.objection_to_approval(account, actor=user),
            "can_withdraw": account.exempt_until or account.postponed_by or account.case_state in WITHDRAWABLE,
            "can_postpone": not (account.exempt_until or account.postponed_by or account.case_state),
            "form": DecisionForm(
                now=self.now, latest=review.latest_end(self.workspace, now=self.now), auto_id="decide-%s"
            ),
        }

    def _history(self, account: Account) -> dict[str, Any]:
        entries = list(AuditEntry.objects.filter(account_id=account.pk)[: NEWEST_ENTRIES + 1])
        cases = account.cases.select_related("cleanup", "account__assessment").order_by("-pk")
        return {
            "entries": [(entry, sentences.of_entry(entry)) for entry in entries[:NEWEST_ENTRIES]],
            "has_older_entries": len(entries) > NEWEST_ENTRIES,
            "cases": [(case, sentences.of_case(case, now=self.now)) for case in cases],
        }
