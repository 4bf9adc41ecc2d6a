"""Workspaces: how each is connected, when it was read, and whether what is done there is real."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts_review.models import ConnectionCheck, PolicyVersion, Run, Sync, Workspace, may, permit
from accounts_review.models.prepared import Prepared
from accounts_review.models.run import SILENT
from accounts_review.tasks import queue, sources
from accounts_review.web.shared import typed
from accounts_review.web.shared.access import PortalView, Request, WorkspaceView
from accounts_review.web.shared.navigation import looked_up, page_of_ours
from accounts_review.web.workspaces.forms import ModeForm
from accounts_review.wording import findings
from accounts_review.workflow import workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something that was asked of the worker for a workspace, or could be."""

    newest: int
    """The newest result there is, or 0."""
    failure: Run | None
    """The last try, where it failed after that result."""
    given: str
    """The ``mark`` there was when somebody asked, or "" where nobody did."""
    is_described: bool
    """Whether the environment says where the workspace is; without it nothing can be asked for."""

    @property
    def mark(self) -> str:
        """Differs as soon as the worker has done what it was asked for, or has failed."""
        return f"{self.newest}-{self.failure.pk if self.failure else 0}"

    @property
    def is_awaited(self) -> bool:
        return self.given == self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncing(Asked):
    """How a workspace stands with its syncs at an instant."""

    last: Sync | None
    good: Sync | None
    """The last that was accepted: what every page shows."""
    running: Sync | None

    @property
    def is_awaited(self) -> bool:
        """Whether a sync runs, or was asked for and has not begun."""
        return self.running is not None or self.given == self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking(Asked):
    """What is known of a workspace's connection."""

    last: ConnectionCheck | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCard:
    """A workspace and all that its part of the page shows."""

    workspace: Workspace
    policy: PolicyVersion | None
    syncing: Syncing
    checking: Checking
    form: ModeForm
    may_administer: bool
    quarantined: Sync | None
    """The newest quarantined sync that still needs a decision."""
    may_operate: bool

    @property
    def anomalies(self) -> list[str]:
        return findings.of_anomalies(self.quarantined.anomalies) if self.quarantined else []


class Workspaces(PortalView):
    """Every workspace of the portal."""

    template_name = "accounts_review/workspaces/page.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        at, user = now(), self.request.user
        mistyped = typed.taken(request, "mode")
        context = {
            "cards": [_card(workspace, at, self.request, mistyped) for workspace in looked_up(request)],
            "may_add": may(user, "administer", None),
            "now": at,
            "worker_is_silent": Run.objects.is_silent(at),
        }
        return self.render_to_response(self.get_context_data(**context))


class AskingView(WorkspaceView):
    """Something that the worker is asked for, and a look at how it is getting on."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not self.is_partial:
            return redirect("workspaces")
        asked = self.look(request.GET.get("asked", ""))
        may_operate = may(self.request.user, "operate", self.workspace)
        context = {
            self.shown_as: asked,
            "may_operate": may_operate,
            "worker_is_silent": Run.objects.is_silent(self.now),
        }
        response = self.render_to_response(self.get_context_data(**context))
        if not asked.is_awaited:
            # It has ended: every number of the page may be another.
            response["HX-Refresh"] = "true"
        return response

    shown_as: str
    """The name under which the fragment knows it."""

    def look(self, given: str) -> Asked:
        """How it stands; subclasses say."""
        raise NotImplementedError


class StartSync(AskingView):
    """Ask the worker for a sync."""

    template_name = "accounts_review/shared/_syncing.html"
    shown_as = "syncing"

    def look(self, given: str) -> Syncing:
        return syncing_of(self.workspace, now=self.now, asked=given)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "operate", self.workspace)
        syncing = self.look("")
        if syncing.running:
            messages.info(request, _("A sync is already running; its numbers will appear here."))
        elif not syncing.is_described:
            messages.error(
                request,
                _(
                    "This workspace cannot be synced: it is paused, or it has no key, neither in the environment nor "
                    "in its settings."
                ),
            )
        else:
            queue.enqueue_sync(self.workspace)
            messages.success(request, _("The sync starts in a moment."))
        return redirect(f"{_back(request)}?asked={syncing.mark}")


class CheckConnection(AskingView):
    """Ask the worker to look at address, key and clocks: a workspace may take longer to answer than a page should."""

    template_name = "accounts_review/workspaces/_connection_check.html"
    shown_as = "checking"

    def look(self, given: str) -> Checking:
        return checking_of(self.workspace, asked=given)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "operate", self.workspace)
        queue.enqueue_connection_check(self.workspace)
        messages.success(request, _("The connection check starts in a moment."))
        return redirect(f"/workspaces/?checked={self.look('').mark}")


class SetMode(WorkspaceView):
    """Make the next clean-ups of a workspace real, or dry runs."""

    needs = "administer"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return _("Switch to live") if request.POST.get("mode") == Workspace.Mode.LIVE else ""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Its button stands on the page of the workspaces."""
        return redirect("workspaces")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = ModeForm(request.POST, workspace=self.workspace)
        if form.is_valid():
            mode = Workspace.Mode(form.cleaned_data["mode"])
            workspaces.set_mode(workspace=self.workspace, mode=mode, actor=self.request.user, now=self.now)
            live = _("%(name)s is live: clean-ups launched from now on warn people and remove access.")
            dry = _("%(name)s is in dry run: no e-mails are sent and no access is removed.")
            messages.success(request, (live if self.workspace.is_live else dry) % {"name": self.workspace.name})
        else:
            name = str(form["name"].value() or "")[:200]
            typed.keep(request, "mode", workspace=self.workspace.name, name=name)
            messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("workspaces")


_RUNNING = Prepared(
    lambda workspace, since: Sync.objects.filter(workspace=workspace, state=Sync.State.RUNNING, heartbeat_at__gt=since)[
        :1
    ],
    workspace=int,
    since=datetime,
)
_ENDED = Prepared(
    lambda workspace: Sync.objects.filter(workspace=workspace).exclude(state=Sync.State.RUNNING)[:1], workspace=int
)
_COMPLETE = Prepared(
    lambda workspace: Sync.objects.filter(workspace=workspace, state=Sync.State.COMPLETE)[:1], workspace=int
)
_RUN = Prepared(lambda workspace, task: Run.objects.filter(workspace=workspace, task=task)[:1], workspace=int, task=str)


def last_syncs(workspace: Workspace) -> tuple[Sync | None, Sync | None]:
    """The last sync that ended, and the last that was accepted."""
    last = next(iter(_ENDED.objects(workspace=workspace.pk)), None)
    is_good = last and last.state == Sync.State.COMPLETE
    return last, last if is_good else next(iter(_COMPLETE.objects(workspace=workspace.pk)), None)


def syncing_of(workspace: Workspace, *, now: datetime, asked: str = "") -> Syncing:
    """The last sync that ended, and the one that runs, if one does."""
    running = next(iter(_RUNNING.objects(workspace=workspace.pk, since=now - SILENT)), None)
    last, good = last_syncs(workspace)
    newest = running or last
    return Syncing(
        last=last,
        good=good,
        running=running,
        newest=newest.pk if newest else 0,
        failure=_failure(workspace, "sync_job", since=newest.started_at if newest else None),
        given=asked,
        is_described=sources.is_reachable(workspace),
    )


def checking_of(workspace: Workspace, *, asked: str = "") -> Checking:
    """The last look at a workspace's connection."""
    last = ConnectionCheck.last_of(workspace)
    return Checking(
        last=last,
        newest=last.pk if last else 0,
        failure=_failure(workspace, "check_connection_job", since=last.at if last else None),
        given=asked,
        is_described=sources.is_reachable(workspace),
    )


def _failure(workspace: Workspace, task: str, *, since: datetime | None) -> Run | None:
    """The last run of a task for a workspace, where it failed without leaving a result."""
    run = next(iter(_RUN.objects(workspace=workspace.pk, task=task)), None)
    return run if run and run.error and (since is None or run.started_at > since) else None


def _card(workspace: Any, now: datetime, request: Request, mistyped: dict[str, str]) -> WorkspaceCard:
    return WorkspaceCard(
        workspace=workspace,
        policy=workspace.current_policy if workspace.policy_id else None,
        syncing=syncing_of(workspace, now=now, asked=request.GET.get("asked", "")),
        checking=checking_of(workspace, asked=request.GET.get("checked", "")),
        form=ModeForm(workspace=workspace, initial=mistyped if mistyped.get("workspace") == workspace.name else None),
        may_operate=may(request.user, "operate", workspace),
        may_administer=may(request.user, "administer", workspace),
        quarantined=Sync.objects.filter(pk=workspace.doubted_sync).first() if workspace.doubted_sync else None,
    )


def _back(request: HttpRequest) -> str:
    """Where the button was pressed, if that is a page of ours."""
    return page_of_ours(request.POST.get("next", ""), otherwise="/workspaces/")
