"""Clean-ups: the draft basket, those under way with the way to stop and resume them, and the reports of the past."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django_tables2 import RequestConfig

from accounts_review import audit
from accounts_review.models import Case, Cleanup, may
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.models.keys import in_order
from accounts_review.rules.lifecycle import CaseState, CleanupState, IllegalTransition
from accounts_review.tasks import actions, queue, schedule
from accounts_review.web.cleanups.basket import Basket
from accounts_review.web.cleanups.checks import checks
from accounts_review.web.cleanups.filters import CaseFilter, ReportFilter
from accounts_review.web.cleanups.forms import TurnForm
from accounts_review.web.cleanups.next_steps import Step, next_steps
from accounts_review.web.cleanups.outcomes import outcomes
from accounts_review.web.cleanups.outlook import Outlook, outlook_of
from accounts_review.web.cleanups.progress import last_stop, progress_of, summary, with_counts
from accounts_review.web.cleanups.second_person import waiting_of
from accounts_review.web.cleanups.tables import CaseTable, CleanupTable, DraftTable
from accounts_review.web.cleanups.years import columns_of, years_of
from accounts_review.web.shared import too_late, typed
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.wording import findings
from accounts_review.workflow import answer
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke.standstill import standstill

AWAITING = CleanupState.AWAITING_CONFIRMATION
UNDER_WAY = ("awaiting_confirmation", "running", "paused")
NOT_NOW = (launch.CannotLaunch, IllegalTransition, audit.Conflict)
"""What a person is told when a step cannot be taken."""
TURNED = {
    "confirm": gettext_lazy("The clean-up is confirmed and has started."),
    "remind": gettext_lazy("A reminder is on its way to them."),
    "pause": gettext_lazy("The clean-up is paused."),
    "resume": gettext_lazy("The clean-up is running again."),
    "cancel": gettext_lazy("The clean-up is cancelled. Everyone not yet revoked keeps access."),
}
"""The turns there are, and what a person is told after each."""

GOES_ON: dict[str, Promise] = {
    "confirm": gettext_lazy("Confirm and start the clean-up"),
    "resume": gettext_lazy("Resume the clean-up"),
}
"""The turns after which removals leave: for these a person is asked anew. Stopping takes no more than a click."""

TOLD = (
    *("cleanup", "state", "moved_at", "evidence", "approved_by_login", "approved_at", "put_by_login", "reason"),
    *("noticed_at", "promised_at", "bounced_at", "answer", "last_look", "outcome"),
    *("restored_at", "restored_by", "returned_at"),
    *(f"account__{name}" for name in ("username", "email", "display_name", "first_name", "last_name")),
)
"""What a report tells of a case."""

MOST_KEPT, MOST_NAMED = 1_000, 20


class Cleanups(WorkspaceView):
    """The draft, what is under way, and the past."""

    template_name = "accounts_review/cleanups/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        every = self.workspace.cleanups.all()
        draft = every.filter(state=CleanupState.DRAFT).first()
        segments = _segments(draft)
        past = with_counts(every.filter(state__in=(CleanupState.CLOSED, CleanupState.CANCELLED)))
        table = CleanupTable(past, now=self.now, workspace=self.workspace)
        RequestConfig(request).configure(table)
        years = years_of(self.workspace)
        context = {
            "years": years,
            "columns": columns_of(years),
            "draft": draft,
            "segments": segments,
            "size": sum(count for name, count in segments),
            "under_way": [
                (
                    each,
                    progress_of(each, now=self.now),
                    standing_still(each, now=self.now),
                    ahead_of(each, now=self.now),
                )
                for each in every.filter(state__in=UNDER_WAY).select_related("workspace", "policy")
            ],
            "table": table,
        }
        return self.render_to_response(self.get_context_data(**context))


class CleanupView(WorkspaceView):
    """A page or act about one clean-up, named by its number."""

    cleanup: Cleanup

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        cleanups = Cleanup.objects.filter(workspace=self.workspace).select_related("workspace", "policy")
        self.cleanup = get_object_or_404(cleanups, number=kwargs["number"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"cleanup": self.cleanup}

    def keep_typed(self, act: str, why: str = "") -> None:
        """Keep what somebody filled in for an act that was refused, and ``why``, for the page that they see next."""
        sent = self.request.POST
        typed.keep(
            self.request,
            f"cleanup {self.cleanup.pk}",
            act=act[:20],
            why=why,
            step=sent.get("step", "")[:20],
            reason=sent.get("reason", "")[:LONGEST_REASON],
            who=sent.get("who", "")[:50_000],
            all=sent.get("all", "")[:20],
            cases=[int(key) for key in sent.getlist("case")[:MOST_KEPT] if key.isdecimal() and len(key) < 19],
        )

    def typed(self) -> dict[str, Any]:
        """What was kept of an act on this clean-up, once."""
        return typed.taken(self.request, f"cleanup {self.cleanup.pk}")

    @property
    def cases(self) -> QuerySet[Case]:
        """Those who took part, with what a report tells of each: all that is known of them takes twice as long."""
        return self.cleanup.took_part().select_related("account").only(*TOLD)

    def to_page(self) -> HttpResponse:
        """To the clean-up's own page."""
        return redirect("cleanup", workspace=self.workspace.name, number=self.cleanup.number)


class CleanupPage(CleanupView):
    """A draft's content, or how far a clean-up has come and what became of everyone in it."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._draft() if self.cleanup.is_draft else self._report()

    def _draft(self) -> HttpResponse:
        self.template_name = "accounts_review/cleanups/draft.html"
        user = self.request.user
        basket = Basket(cleanup=self.cleanup, actor=user, now=self.now, pace=actions.pace())
        cases = self.cleanup.cases.filter(state=CaseState.IN_DRAFT)
        found, may_decide = CaseFilter(self.request.GET, cases), may(user, "decide", self.workspace)
        here: dict[str, Any] = {"now": self.now, "workspace": self.workspace, "cleanup": self.cleanup}
        table = DraftTable(found.qs, may_decide=may_decide, **here)
        table.shown = cases.prefetch_related("account__assessment", "cleanup")
        RequestConfig(self.request).configure(table)
        context = {"filter": found, "table": table, "may_decide": may_decide, "checks": checks(basket)}
        context |= {"segments": found.segments, "size": basket.count + basket.count_held_back}
        return self.render_to_response(self.get_context_data(**context))

    def _report(self) -> HttpResponse:
        shown: dict[str, Any]
        if self.is_partial and self.request.htmx.target == "next-steps":
            self.template_name = "accounts_review/cleanups/_next_steps.html"
            return self.render_to_response(self.get_context_data(steps=self._steps()))
        if self.is_partial and self.request.htmx.target == "turns":
            self.template_name = "accounts_review/cleanups/_turns.html"
            may_operate = may(self.request.user, "operate", self.workspace)
            shown = {"progress": progress_of(self.cleanup, now=self.now), "may_operate": may_operate}
            return self.render_to_response(self.get_context_data(**shown))
        if self.is_partial and self.request.htmx.target == "schedule":
            self.template_name = "accounts_review/cleanups/_schedule.html"
            return self.render_to_response(self.get_context_data(outlook=ahead_of(self.cleanup, now=self.now)))
        cases = ReportFilter(self.request.GET, self.cases)
        table = case_table(self, cases.qs)
        table.shown = self.cases
        table.htmx_target = "#cases"
        RequestConfig(self.request).configure(table)
        shown = {"filter": cases, "table": table}
        if self.is_partial:
            self.template_name = "accounts_review/cleanups/_cases.html"
        else:
            self.template_name = "accounts_review/cleanups/cleanup.html"
            steps, refused = self._steps(), self.typed()
            if refused.get("why") and refused["step"] not in {step.name for step in steps}:
                messages.error(self.request, refused["why"])
            shown |= standing_of(self) | {"steps": steps, "typed": refused}
        return self.render_to_response(self.get_context_data(**shown))

    def _steps(self) -> list[Step]:
        return next_steps(self.cleanup, actor=self.request.user, now=self.now)


class ProgressFragment(CleanupView):
    """The part of the page that refreshes itself while the clean-up runs."""

    template_name = "accounts_review/shared/_progress.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not self.is_partial:
            return self.to_page()
        progress = progress_of(self.cleanup, now=self.now)
        # On the clean-up's own page, the next steps name the failures.
        brief = "brief" in request.GET
        response = self.render_to_response(self.get_context_data(progress=progress, brief=brief))
        if request.GET.get("seen", progress.mark) != progress.mark:
            response["HX-Trigger"] = "cases-moved"
        if request.GET.get("was", self.cleanup.state) != self.cleanup.state:
            # What may be done has changed too: the whole page is read again.
            response["HX-Refresh"] = "true"
        return response


class Turn(CleanupView):
    """Confirm, remind who can confirm, pause, resume or cancel; the last three with a reason."""

    needs = "operate"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return GOES_ON.get(kwargs["verb"], "")

    def post(self, request: HttpRequest, *, verb: str, **kwargs: Any) -> HttpResponse:
        if verb not in TURNED:
            raise Http404
        form = TurnForm(request.POST)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        try:
            self._turn(verb, reason)
        except NOT_NOW as refusal:
            self.keep_typed(verb)
            messages.error(request, too_late.in_words(refusal))
        else:
            messages.success(request, str(TURNED[verb]))
        return self.to_page()

    @transaction.atomic
    def _turn(self, verb: str, reason: str) -> None:
        user = self.request.user
        if verb == "confirm":
            launch.confirm(cleanup=self.cleanup, actor=user, now=self.now)
        elif verb == "remind":
            launch.remind(cleanup=self.cleanup, actor=user, now=self.now)
            queue.enqueue_alert()
        else:
            act = {"pause": launch.pause, "resume": launch.resume, "cancel": launch.cancel}[verb]
            act(cleanup=self.cleanup, actor=user, reason=reason, now=self.now)
        if verb in ("confirm", "resume"):
            queue.wake(self.workspace)
        elif verb == "cancel":
            queue.enqueue_emails()


def case_table(view: CleanupView, cases: QuerySet[Case]) -> CaseTable:
    """The cases of a clean-up; in a dry run nothing is promised."""
    unsaid = ("promised_at",) if view.cleanup.dry_run else ()
    return CaseTable(cases, now=view.now, workspace=view.workspace, cleanup=view.cleanup, exclude=unsaid)


def standing_of(view: CleanupView) -> dict[str, Any]:
    """Where a clean-up stands, what stopped it, and what the person may do about it."""
    cleanup, user = view.cleanup, view.request.user
    progress, is_paused = progress_of(cleanup, now=view.now), cleanup.state == CleanupState.PAUSED
    answered = cleanup.cases.filter(answer__isnull=False).values_list("pk", "answer")
    named = Case.objects.select_related("account").only("account__username")
    alike = answer.alike((key, given or {}) for key, given in answered)
    return {
        "alike": alike,
        "alike_named": in_order(named, alike[:MOST_NAMED]) if alike else (),
        "progress": progress,
        "summary": summary(cleanup, progress),
        "bars": outcomes(cleanup),
        "outlook": ahead_of(cleanup, now=view.now),
        "stop": last_stop(cleanup) if is_paused else None,
        "may_operate": may(user, "operate", view.workspace),
        "waiting": waiting_of(cleanup, actor=user, now=view.now) if cleanup.state == AWAITING else None,
        "reasons": standing_still(cleanup, now=view.now),
        "is_held_by_mode": cleanup.is_under_way and not cleanup.dry_run and not view.workspace.is_live,
    }


def standing_still(cleanup: Cleanup, *, now: datetime) -> list[findings.Finding]:
    """Why a clean-up is paused, or none of its due cases can go on now; the mode has a banner of its own."""
    found = standstill(cleanup, now=now)
    return [findings.in_words(each) for each in found if each["code"] != "workspace_in_dry_run"]


def ahead_of(cleanup: Cleanup, *, now: datetime) -> Outlook | None:
    """What a running clean-up will do, and when."""
    turn = partial(schedule.next_run, "send_emails_job")
    return outlook_of(cleanup, now=now, pace=actions.pace(), turn=turn)


def _segments(draft: Cleanup | None) -> list[tuple[str, int]]:
    """How many of the draft's cases belong to each segment, most first."""
    if draft is None:
        return []
    cases = draft.cases.filter(state=CaseState.IN_DRAFT).order_by().values_list("evidence__segment")
    return sorted(cases.annotate(Count("pk")), key=lambda pair: -pair[1])
