"""The cases of a clean-up: each with its own address, and what a person may do with one or many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.audit import sentences
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, may
from accounts_review.rules.lifecycle import CaseState
from accounts_review.web.account.timeline import of_entries
from accounts_review.web.cleanups.forms import CasesForm
from accounts_review.web.cleanups.next_steps import ACTS, again, next_steps
from accounts_review.web.cleanups.views import NOT_NOW, CleanupView
from accounts_review.web.shared import too_late
from accounts_review.wording import reasons
from accounts_review.wording.cases import of_answer, of_answering, of_case, of_evidence
from accounts_review.wording.numbers import counted
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke.by_hand import settle_by_hand


@dataclass(frozen=True, slots=True)
class SentEmail:
    """An e-mail of a case as it was sent, without the link that opened the answer page."""

    entry: AuditEntry

    @property
    def title(self) -> str:
        return sentences.name_of(self.entry)

    @property
    def language(self) -> str:
        """In which it was written; what was sent before that was kept does not say."""
        return str(self.entry.details["mail"].get("language", ""))

    @property
    def subject(self) -> str:
        return str(self.entry.details["mail"].get("subject", ""))

    @property
    def text(self) -> str:
        return str(self.entry.details["mail"].get("text", ""))

    @property
    def address(self) -> str:
        return str(self.entry.details.get("address", ""))


class CasePage(CleanupView):
    """All there is about one case: who decided on which evidence, what was promised, seen, sent and answered."""

    template_name = "accounts_review/cleanups/case.html"

    def get(self, request: HttpRequest, *, pk: int, **kwargs: Any) -> HttpResponse:
        cases = self.cleanup.cases.select_related("account", "cleanup__workspace", "account__assessment")
        case = get_object_or_404(cases, pk=pk)
        case.cleanup = self.cleanup
        entries = AuditEntry.objects.filter(account_id=case.account_id, cleanup=self.cleanup.number)
        context = {
            "case": case,
            "said": of_case(case, now=self.now),
            "evidence": of_evidence(case.evidence, now=case.approved_at),
            "account": case.account,
            "answer": of_answer(case),
            "answered_by": of_answering(case),
            "timeline": of_entries(entries),
            "approved": next((entry for entry in entries if entry.kind == Event.ACCOUNT_APPROVED), None),
            "typed": self.typed(),
            "emails": [SentEmail(entry) for entry in entries if "mail" in entry.details],
            "step": next(iter(next_steps(self.cleanup, actor=self.request.user, now=self.now, only=case)), None),
            "acts": [
                act
                for act, (states, to) in ACTS.items()
                if case.state in states and may(self.request.user, to, self.workspace)
            ],
        }
        return self.render_to_response(self.get_context_data(**context))


class Act(CleanupView):
    """Do one thing with cases that were ticked, named, or are all of a next step; all or nothing."""

    needs = "decide"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = CasesForm(request.POST)
        try:
            if not form.is_valid():
                raise ValueError(*(error for errors in form.errors.values() for error in errors))
            with transaction.atomic():
                done = self._do(form.cleaned_data)
            messages.success(request, done)
        except (decide.DecisionRefused, *NOT_NOW, ValueError) as refusal:
            act, why = form["act"].value() or "", too_late.in_words(refusal)
            if step := form["step"].value():
                # Beside its button, which may be far from the top.
                self.keep_typed(act, why)
                page = reverse("cleanup", kwargs={"workspace": self.workspace.name, "number": self.cleanup.number})
                return redirect(f"{page}#why-{slugify(step)}")
            self.keep_typed(act)
            messages.error(request, why)
        else:
            if form.cleaned_data["act"] == "again":
                # On to the draft, which is the next thing to look at.
                return redirect("cleanups", workspace=self.workspace.name)
        to = request.POST.get("from", "")
        if to.isdecimal() and len(to) < 19:
            return redirect("case", workspace=self.workspace.name, number=self.cleanup.number, pk=int(to))
        return self.to_page()

    def _do(self, form: dict[str, Any]) -> str:
        act, reason = form["act"], form["reason"]
        cases = self._chosen(form)
        if not cases:
            raise ValueError(_("This no longer applies to any of them. Check the list again."))
        match act:
            case "retry":
                self._each(bounces.retry_notice, cases)
            case "bounced":
                self._each(bounces.mark_undeliverable, cases, why=reason)
            case "withdraw":
                accounts = [case.account for case in cases]
                decide.withdraw(accounts=accounts, actor=self.request.user, reason=reason, now=self.now)
            case "gone" | "there":
                self._each(settle_by_hand, cases, is_gone=act == "gone", reason=reason)
                if cases[0].state == CaseState.WITHDRAWN:
                    act = "withdraw"
            case "again":
                after = reasons.AGAIN % {"number": self.cleanup.number}
                decide.approve(
                    accounts=[case.account for case in cases],
                    actor=self.request.user,
                    reason=reason or after,
                    now=self.now,
                    # With a reason of one's own, it is a new decision.
                    ended=[] if reason else cases,
                )
        return _done(act, cases)

    def _chosen(self, form: dict[str, Any]) -> list[Case]:
        states, _permission = ACTS[form["act"]]
        cases: QuerySet[Case] = self.cleanup.cases.select_related("account", "cleanup__workspace")
        cases = cases.filter(state__in=states).order_by("pk")
        if form["all"]:
            return list(self._all(form["all"], cases))
        if form["who"]:
            return self._named(form["who"], cases)
        return list(cases.filter(pk__in=form["case"]))

    def _all(self, step: str, cases: QuerySet[Case]) -> QuerySet[Case]:
        if step == "undeliverable":
            return cases.filter(state=CaseState.UNDELIVERABLE)
        free, refused = again(cases, actor=self.request.user, now=self.now), Q(state=CaseState.REFUSED)
        return free.filter(refused) if step == "refused" else free.exclude(refused)

    def _named(self, who: set[str], cases: QuerySet[Case]) -> list[Case]:
        """The cases of these people; those whom nobody is called are told, and bar nobody else's way."""
        names = {case: {case.account.username.casefold(), case.account.email.casefold()} for case in cases}
        if strangers := sorted(who.difference(*names.values())):
            message = _("No warned person in this clean-up matches: %(names)s")
            messages.warning(self.request, message % {"names": ", ".join(strangers)})
        return [case for case, its in names.items() if its & who]

    def _each(self, act: Any, cases: Sequence[Case], **details: object) -> None:
        # All of them are held before the first is moved, so that nobody can hold one and wait for us.
        keys = [case.pk for case in cases]
        list(
            Account.objects.filter(cases__in=keys)
            .order_by("pk")
            .select_for_update(no_key=True, of=("self",))
            .values_list("pk")
        )
        list(Case.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True).values_list("pk"))
        for case in cases:
            act(case=case, actor=self.request.user, now=self.now, **details)


def _done(act: str, cases: Sequence[Case]) -> str:
    count = len(cases)
    sentences = {
        "retry": ngettext(
            "%(count)s notice will be sent again.",
            "%(count)s notices will be sent again.",
            count,
        ),
        "bounced": ngettext(
            "%(count)s account is recorded as not reached.",
            "%(count)s accounts are recorded as not reached.",
            count,
        ),
        "withdraw": ngettext(
            "%(count)s account left the clean-up and keeps its access.",
            "%(count)s accounts left the clean-up and keep their access.",
            count,
        ),
        "gone": ngettext(
            "%(count)s account is recorded as revoked.", "%(count)s accounts are recorded as revoked.", count
        ),
        "there": ngettext(
            "%(count)s account will be checked again.", "%(count)s accounts will be checked again.", count
        ),
        "again": ngettext(
            "%(count)s account was put into the next draft.",
            "%(count)s accounts were put into the next draft.",
            count,
        ),
    }
    return sentences[act] % counted({"count": count})
