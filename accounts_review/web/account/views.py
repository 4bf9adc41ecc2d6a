"""The page of one account: every fact, what follows from it, the decisions and the history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.facts import facts_of_account, rights_of_groups
from accounts_review.models import Account, AuditEntry, Case, Exemption, Run, may, workspaces_of
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.rules.explanation import dates_read
from accounts_review.rules.lifecycle import ENDED, WITHDRAWABLE, IllegalTransition
from accounts_review.tasks import actions, queue
from accounts_review.web.account import evidence
from accounts_review.web.account.elsewhere import elsewhere
from accounts_review.web.account.timeline import timeline
from accounts_review.web.review.forms import DecisionForm, ServiceAccountForm
from accounts_review.web.shared import too_late, typed
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.download import file_name
from accounts_review.wording import instants
from accounts_review.wording.cases import of_case
from accounts_review.workflow.assess import assess
from accounts_review.workflow.retention import traces
from accounts_review.workflow.retention.erase import (
    NotErasable,
    erase_person,
    incarnations,
    objection_to_erasing,
)
from accounts_review.workflow.retention.held import access_report
from accounts_review.workflow.review import decide
from accounts_review.workflow.review.conflicts import newest
from accounts_review.workflow.sync.accept import NothingToAccept, accept_dates

NEWEST_ENTRIES = 100


class OneAccount(WorkspaceView):
    """A page or an act about one account of the workspace."""

    @cached_property
    def account(self) -> Account:
        accounts = Account.objects.filter(workspace=self.workspace).with_verdict(self.now)
        return get_object_or_404(accounts.select_related("workspace", "assessment__policy"), pk=self.kwargs["pk"])

    @cached_property
    def lives(self) -> list[Account]:
        """The accounts that the person had under this username, this one among them: who joined again has another."""
        # Without a username nobody knows who is whom.
        return incarnations(self.workspace, self.account.username) if self.account.username else [self.account]


class AccountPage(OneAccount, TemplateView):
    template_name = "accounts_review/account/page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs) | self._known()
        context |= {"account": self.account, "here": self.request.path}
        context |= self._history(context["dates"]) | self._decisions()
        context["can_erase"] = context["may_administer"] and not objection_to_erasing(self.account)
        context["scrub"] = self._scrub()
        context["typed"] = typed.taken(self.request, f"erase {self.account.pk}")
        if self.account.gone_at:
            context["back"] = next((life for life in self.lives if not life.gone_at), None)
        context["elsewhere"] = elsewhere(self.account, seen=workspaces_of(self.request.user), now=self.now)
        if context["is_assessed"]:
            in_force = self.workspace.current_policy
            context["reasoning"] = evidence.reasoning(self.account, context["facts"], in_force=in_force, now=self.now)
        return context

    def _scrub(self) -> Run | None:
        """The run that has the database's files forget the person; an unsaved one while none has begun."""
        if self.account.erased_at is None or not traces.is_embedded():
            return None
        begun = traces.scrubs().filter(started_at__gte=self.account.erased_at)
        return begun.exclude(finished_at=None).last() or begun.first() or Run()

    def _known(self) -> dict[str, Any]:
        # Its own alone: a workspace can have thousands.
        listed = {group.uid: group for group in self.workspace.groups.filter(uid__in=self.account.groups)}
        facts = facts_of_account(
            self.account, rights_by_group=rights_of_groups(listed.values()), key_owner=self.workspace.key_owner
        )
        record, is_cut = evidence.record_for_reading(self.account.raw)
        return {
            # Nothing is left of an erased account to assess, or to explain an assessment with.
            "is_assessed": hasattr(self.account, "assessment") and not self.account.erased_at,
            "facts": facts,
            "dates": evidence.dates(dates_read(facts), now=self.now),
            "groups": [(uid, listed.get(uid)) for uid in facts.groups or ()],
            "rights": evidence.effective_rights(facts, {uid: str(group) for uid, group in listed.items()}),
            "record": record,
            "record_is_cut": is_cut,
        }

    def _decisions(self) -> dict[str, Any]:
        user, robot = self.request.user, self._service
        owner = {"owner_email": robot.owner_email, "reason": robot.reason} if robot else {}
        context: dict[str, Any] = {
            "may_decide": may(user, "decide", self.workspace),
            "may_administer": may(user, "administer", self.workspace),
            "is_own": decide.is_own(self.account, user),
            "service": robot,
            "service_form": ServiceAccountForm(now=self.now, initial=owner, auto_id="service-%s"),
        }
        if hasattr(self.account, "assessment"):
            latest, held = decide.latest_end(self.workspace, now=self.now), self.account
            context |= {
                "objection": decide.objection_to_approval(held, actor=user),
                "can_withdraw": held.exempt_until or held.snoozed_by or held.case_state in WITHDRAWABLE,
                "can_snooze": not (held.exempt_until or held.snoozed_by or held.case_state),
                "since": newest(self.workspace),
                "form": DecisionForm(now=self.now, latest=latest, auto_id="decide-%s"),
            }
        return context

    @cached_property
    def _exemption(self) -> Exemption | None:
        """The last that was given and not taken back; it may have lapsed."""
        return self.account.exemptions.filter(withdrawn_at=None).first()

    @property
    def _service(self) -> Exemption | None:
        return self._exemption if self._exemption and self._exemption.is_service_account else None

    def _history(self, dates: list[evidence.DateFact]) -> dict[str, Any]:
        lives = [account.pk for account in self.lives]
        entries = list(AuditEntry.objects.filter(account_id__in=lives)[: NEWEST_ENTRIES + 1])
        every = Case.objects.filter(account__in=lives).select_related("cleanup", "account__assessment")
        cases = list(every.order_by("-pk"))
        return {
            "timeline": timeline(
                self.account,
                dates=dates,
                entries=entries[:NEWEST_ENTRIES],
                case=next((case for case in cases if case.state not in ENDED), None),
                exemption=self._exemption,
                now=self.now,
            ),
            "has_older_entries": len(entries) > NEWEST_ENTRIES,
            "cases": [(case, of_case(case, now=self.now)) for case in cases],
        }


class Erase(OneAccount):
    """Erase what is held about somebody who is gone; cannot be undone."""

    needs = "administer"
    asks_anew = gettext_lazy("Erase what is held about this person")

    def whom(self, request: Any, **kwargs: Any) -> str:
        return str(self.account.username)

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        reason, username = str(request.POST.get("reason", ""))[:LONGEST_REASON], self.account.username
        back = redirect("account", workspace=self.workspace.name, pk=self.account.pk)
        if request.POST.get("username", "").strip() != username:
            typed.keep(request, f"erase {self.account.pk}", reason=reason)
            messages.error(request, _("Type the username to confirm. Nothing was erased."))
            return back
        try:
            erased = erase_person(
                workspace=self.workspace, username=username, actor=request.user, reason=reason, now=self.now
            )
        except NotErasable as refusal:
            messages.error(request, str(refusal))
        else:
            actions.sweep(erased.terms)
            queue.enqueue_scrub()
            messages.success(request, _("Erased. What was done stays in the audit, without the name."))
            for where in erased.left:
                messages.warning(request, _("Left as it is: %(where)s.") % {"where": where})
        return back


class AccessReport(OneAccount):
    """What is held about the person, as a file; that it was taken is an entry."""

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        report = access_report(self.lives, now=self.now)
        audit.log(self.lives, kind=Event.PERSON_REPORTED, actor=request.user.get_username(), now=self.now)
        answer = HttpResponse(report, content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{file_name(self, "access-report", "json")}"'
        return answer


class AcceptDates(OneAccount):
    """Take the account's dates for what they say, although they are earlier than before."""

    needs = "administer"

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        reason = str(request.POST.get("reason", ""))[:LONGEST_REASON]
        try:
            accept_dates(account=self.account, actor=request.user, reason=reason, now=self.now)
        except NothingToAccept as refusal:
            messages.error(request, str(refusal))
        else:
            assess.assess(workspace=self.workspace, only=[self.account.pk])
            messages.success(request, _("The dates are accepted; the account is assessed with them."))
        return redirect("account", workspace=self.workspace.name, pk=self.account.pk)


class ServiceAccount(OneAccount):
    """Mark an account as a robot with an owner, confirm it for another year, or say that it is none any more."""

    needs = "decide"

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        form = ServiceAccountForm(request.POST, now=self.now)
        if not form.is_valid():
            return self._refuse(form.problems, status=422)
        try:
            message = self._act(form)
        except decide.DecisionRefused as refused:
            return self._refuse([str(refusal) for refusal in refused.refusals], status=409)
        except (audit.Conflict, IllegalTransition) as problem:
            return self._refuse([too_late.in_words(problem)], status=409)
        messages.success(request, message)
        return redirect("account", workspace=self.workspace.name, pk=self.account.pk)

    def _act(self, form: ServiceAccountForm) -> str:
        act: dict[str, Any] = {"accounts": [self.account], "actor": self.request.user, "now": self.now}
        given = form.cleaned_data
        if given["act"] == "end":
            decide.withdraw(reason=given["reason"], **act)
            return _("It no longer counts as a service account.")
        until = form.kept_until
        owner = given["owner_email"]
        decide.exempt(reason=given["reason"], until=until, owner_email=owner, is_service_account=True, **act)
        return _("Kept as a service account until %(until)s; %(owner)s is e-mailed before that.") % {
            "until": instants.promised(until),
            "owner": owner,
        }

    def _refuse(self, problems: list[str], *, status: int) -> HttpResponse:
        back = {"workspace": self.workspace, "problems": problems, "back": self.request.path.removesuffix("service/")}
        return render(self.request, "accounts_review/account/refused.html", back, status=status)
