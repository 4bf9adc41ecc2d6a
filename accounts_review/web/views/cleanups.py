"""Clean-ups: the draft basket, those under way, the reports of the past, and the way to launch, stop and resume."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_tables2 import RequestConfig

from accounts_review import tasks
from accounts_review.lifecycle import IllegalMove
from accounts_review.models import Cleanup, Workspace, may
from accounts_review.record import Conflict
from accounts_review.web import sentences
from accounts_review.web.access import WorkspaceView
from accounts_review.web.filters_of_records import CaseFilter
from accounts_review.web.forms_of_records import LaunchForm, TurnForm
from accounts_review.web.progress import last_stop, progress_of, summary, with_counts
from accounts_review.web.tables_of_records import CaseTable, CleanupTable, DraftTable
from accounts_review.workflow import launch, review

UNDER_WAY = ("awaiting_confirmation", "running", "paused")
NOT_NOW = (launch.CannotLaunch, IllegalMove, Conflict)
"""What a person is told when a step cannot be taken."""


class Cleanups(WorkspaceView):
    """The draft, what is under way, and the past."""

    template_name = "accounts_review/cleanups.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        every = self.workspace.cleanups.all()
        draft = every.filter(state="draft").first()
        segments = _segments(draft)
        past = with_counts(every.filter(state__in=("closed", "cancelled")))
        table = CleanupTable(past, now=self.now, workspace=self.workspace)
        RequestConfig(request).configure(table)
        context = {
            "draft": draft,
            "segments": segments,
            "size": sum(count for name, count in segments),
            "under_way": [(each, progress_of(each, now=self.now)) for each in every.filter(state__in=UNDER_WAY)],
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

    def to_page(self) -> HttpResponse:
        """To the clean-up's own page."""
        return redirect("cleanup", workspace=self.workspace.name, number=self.cleanup.number)


class CleanupPage(CleanupView):
    """A draft's content, or how far a clean-up has come and what became of everyone in it."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._draft() if self.cleanup.is_draft else self._report()

    def _draft(self) -> HttpResponse:
        self.template_name = "accounts_review/draft.html"
        cases = self.cleanup.cases.filter(state="in_draft").select_related("account__assessment", "cleanup")
        table = DraftTable(cases, now=self.now, workspace=self.workspace, may_decide=may(self.request.user, "decide"))
        RequestConfig(self.request).configure(table)
        return self.render_to_response(self.get_context_data(table=table, segments=_segments(self.cleanup)))

    def _report(self) -> HttpResponse:
        cases = CaseFilter(self.request.GET, self.cleanup.cases.select_related("account", "cleanup__workspace"))
        # In a dry run nothing is promised.
        unsaid = ("promised_at",) if self.cleanup.dry_run else ()
        table = CaseTable(cases.qs, now=self.now, workspace=self.workspace, exclude=unsaid)
        table.htmx_target = "#cases"
        RequestConfig(self.request).configure(table)
        shown: dict[str, Any] = {"filter": cases, "table": table}
        if self.is_partial:
            self.template_name = "accounts_review/partials/cases.html"
        else:
            self.template_name = "accounts_review/cleanup.html"
            shown |= _standing(self)
        return self.render_to_response(self.get_context_data(**shown))


class Progress(CleanupView):
    """The part of the page that refreshes itself while the clean-up runs."""

    template_name = "accounts_review/partials/progress.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not self.is_partial:
            return self.to_page()
        progress = progress_of(self.cleanup, now=self.now)
        response = self.render_to_response(self.get_context_data(progress=progress))
        if request.GET.get("seen", progress.mark) != progress.mark:
            response["HX-Trigger"] = "cases-moved"
        if request.GET.get("was", self.cleanup.state) != self.cleanup.state:
            # What may be done now is another matter: the whole page is read anew.
            response["HX-Refresh"] = "true"
        return response


class Launch(CleanupView):
    """What a launch would do, in words and numbers, and a typed confirmation."""

    needs = "operate"
    template_name = "accounts_review/launch.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._page() if self.cleanup.is_draft else self.to_page()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                # Held, so that what is launched is what the page has shown.
                Workspace.objects.select_for_update().get(pk=self.workspace.pk)
                return self._launch()
        except NOT_NOW as refusal:
            messages.error(request, str(refusal))
            return self.to_page()

    def _launch(self) -> HttpResponse:
        self.cleanup.refresh_from_db()
        preview = launch.preview(cleanup=self.cleanup, now=self.now)
        form = LaunchForm(self.request.POST, expected=preview.launching)
        changes = _changes(before=str(self.request.POST.get("shown", "")), after=_shown(self.cleanup))
        if self.cleanup.is_draft and changes:
            return self._page(changes=changes, status=409)
        if self.cleanup.is_draft and not form.is_valid():
            return self._page(form=form)
        launch.launch(cleanup=self.cleanup, actor=self.request.user, now=self.now)
        tasks.ring(self.workspace)
        launched = ngettext(
            "Clean-up %(number)d was launched with %(count)d account.",
            "Clean-up %(number)d was launched with %(count)d accounts.",
            preview.launching,
        )
        messages.success(self.request, launched % {"number": self.cleanup.number, "count": preview.launching})
        return self.to_page()

    def _page(self, *, form: LaunchForm | None = None, status: int = 200, **context: Any) -> HttpResponse:
        preview = launch.preview(cleanup=self.cleanup, now=self.now)
        form = form or LaunchForm(expected=preview.launching, initial={"shown": _shown(self.cleanup)})
        context |= {"form": form, "preview": preview, "policy": self.workspace.current_policy}
        return self.render_to_response(self.get_context_data(**context), status=status)


class Turn(CleanupView):
    """Confirm, pause, resume or cancel; all but the first with a reason."""

    needs = "operate"

    def post(self, request: HttpRequest, *, verb: str, **kwargs: Any) -> HttpResponse:
        if verb not in ("confirm", "pause", "resume", "cancel"):
            raise Http404
        form = TurnForm(request.POST)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        try:
            self._turn(verb, reason)
        except NOT_NOW as refusal:
            messages.error(request, str(refusal))
        return self.to_page()

    @transaction.atomic
    def _turn(self, verb: str, reason: str) -> None:
        user = self.request.user
        if verb == "confirm":
            launch.confirm(cleanup=self.cleanup, actor=user, now=self.now)
        else:
            act = {"pause": launch.pause, "resume": launch.resume, "cancel": launch.cancel}[verb]
            act(cleanup=self.cleanup, actor=user, reason=reason, now=self.now)
        if verb in ("confirm", "resume"):
            tasks.ring(self.workspace)


class Withdraw(CleanupView):
    """Take one account out of the draft."""

    needs = "decide"

    def post(self, request: HttpRequest, *, case: int, **kwargs: Any) -> HttpResponse:
        drafted = self.cleanup.cases.filter(state="in_draft").select_related("account")
        account = get_object_or_404(drafted, pk=case).account
        try:
            reason = _("taken out of the draft")
            review.withdraw(accounts=[account], actor=self.request.user, reason=reason, now=self.now)
        except (review.Refused, *NOT_NOW) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("%(username)s is out of the draft.") % {"username": account.username})
        return self.to_page()


def _standing(view: CleanupView) -> dict[str, Any]:
    """Where a clean-up stands, what stopped it, and what the person may do about it."""
    cleanup, user = view.cleanup, view.request.user
    progress, is_paused = progress_of(cleanup, now=view.now), cleanup.state == "paused"
    return {
        "progress": progress,
        "summary": summary(cleanup, progress),
        "form": TurnForm(),
        "stop": last_stop(cleanup) if is_paused else None,
        "advice": sentences.advice(cleanup.stopped_because, state=cleanup.state),
        "may_operate": may(user, "operate"),
        "may_confirm": may(user, "operate") and cleanup.launched_by != user.get_username(),
        "is_held_by_mode": cleanup.is_under_way and not cleanup.dry_run and not view.workspace.is_live,
    }


def _segments(draft: Cleanup | None) -> list[tuple[str, int]]:
    """How many of the draft's cases belong to each segment, most first."""
    if draft is None:
        return []
    cases = draft.cases.filter(state="in_draft").order_by().values_list("evidence__segment")
    return sorted(cases.annotate(Count("pk")), key=lambda pair: -pair[1])


def _shown(cleanup: Cleanup) -> str:
    """What a preview rests on: the cases of the draft, the mode and the policy."""
    cases = cleanup.cases.filter(state="in_draft").aggregate(count=Count("pk"), last=Max("pk"))
    workspace = Workspace.objects.get(pk=cleanup.workspace_id)
    return "/".join(map(str, (cases["count"], cases["last"], workspace.mode, workspace.current_policy.number)))


def _changes(*, before: str, after: str) -> list[str]:
    """What differs between the page that was shown and now, in words; empty where nothing does."""
    if before == after:
        return []
    then, now = before.split("/"), after.split("/")
    if len(then) != len(now):
        return [_("This page did not say what it was about.")]
    said = [
        _("The draft held %(then)s accounts; now it holds %(now)s.") % {"then": then[0], "now": now[0]},
        _("Other accounts are in the draft now."),
        _("The mode changed from %(then)s to %(now)s.") % {"then": then[2], "now": now[2]},
        _("The policy changed from version %(then)s to %(now)s.") % {"then": then[3], "now": now[3]},
    ]
    changed = [sentence for sentence, old, new in zip(said, then, now, strict=True) if old != new]
    return [sentence for sentence in changed if sentence != said[1] or said[0] not in changed]
