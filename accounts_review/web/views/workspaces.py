"""Workspaces: how each is connected, when it was read, and whether what is done there is real."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts_review import tasks
from accounts_review.models import Extraction, PolicyVersion, Workspace, may, permit
from accounts_review.web import sentences
from accounts_review.web.access import PortalView, WorkspaceView
from accounts_review.web.forms_of_records import BreakerForm, ModeForm
from accounts_review.web.tables_of_records import SyncTable
from accounts_review.workflow import administer, assess, extract

SILENT = timedelta(minutes=5)
"""A reading without a sign of life for so long is taken for dead."""

SHOWN_SYNCS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncing:
    """How a workspace stands with its readings at an instant."""

    last: Extraction | None
    running: Extraction | None
    is_described: bool
    """Whether the environment says where the workspace is; without it nothing can be read."""
    asked: str
    """The last reading there was when somebody asked for the next, or "" where nobody did."""

    @property
    def latest_pk(self) -> int:
        newest = self.running or self.last
        return newest.pk if newest else 0

    @property
    def is_awaited(self) -> bool:
        """Whether a reading runs, or was asked for and has not begun."""
        return self.running is not None or self.asked == str(self.latest_pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A workspace and all that its part of the page shows."""

    workspace: Workspace
    policy: PolicyVersion | None
    syncing: Syncing
    table: SyncTable
    form: ModeForm
    anomalies: list[str]
    """What looked wrong about the newest reading that is set aside; empty where none is."""


class Workspaces(PortalView):
    """Every workspace of the portal."""

    template_name = "accounts_review/workspaces.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        at, user = now(), self.request.user
        context = {
            "cards": [_card(workspace, at, request.GET.get("asked", "")) for workspace in Workspace.objects.all()],
            "now": at,
            "may_operate": may(user, "operate"),
            "may_administer": may(user, "administer"),
        }
        return self.render_to_response(self.get_context_data(**context))


class Sync(WorkspaceView):
    """Ask the worker for a sync; a look at how it is getting on."""

    template_name = "accounts_review/partials/syncing.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not self.is_partial:
            return redirect("workspaces")
        syncing = syncing_of(self.workspace, now=self.now, asked=request.GET.get("asked", ""))
        may_operate = may(self.request.user, "operate")
        response = self.render_to_response(self.get_context_data(syncing=syncing, may_operate=may_operate))
        if not syncing.is_awaited:
            # It has ended: every number of the page may be another.
            response["HX-Refresh"] = "true"
        return response

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "operate")
        syncing = syncing_of(self.workspace, now=self.now)
        if syncing.running:
            messages.info(request, _("A sync is running already; its numbers will show here."))
        elif not syncing.is_described:
            messages.error(request, _("The environment does not describe this workspace; set HUWISE_URL and its key."))
        else:
            tasks.ring_sync(self.workspace)
            messages.success(request, _("A sync was asked for; the worker takes it up in a moment."))
        return redirect(f"{_back(request)}?asked={syncing.latest_pk}")


class Mode(WorkspaceView):
    """Make the next clean-ups of a workspace real, or dry runs."""

    needs = "administer"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = ModeForm(request.POST, workspace=self.workspace)
        if form.is_valid():
            mode = Workspace.Mode(form.cleaned_data["mode"])
            administer.set_mode(workspace=self.workspace, mode=mode, actor=self.request.user, now=self.now)
            live = _("%(name)s is live: clean-ups launched from now on warn people and revoke access.")
            dry = _("%(name)s is in dry run: nothing leaves the portal.")
            messages.success(request, (live if self.workspace.is_live else dry) % {"name": self.workspace.name})
        else:
            messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("workspaces")


class Breaker(WorkspaceView):
    """After a person has looked: accept the numbers that were set aside as the new baseline, or discard them."""

    needs = "administer"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form, user = BreakerForm(request.POST), self.request.user
        if not form.is_valid():
            messages.error(request, _("Say why; the reason is kept in the audit."))
            return redirect("workspaces")
        reason, discard = form.cleaned_data["reason"], form.cleaned_data["choice"] == "discard"
        try:
            extract.reset_breaker(workspace=self.workspace, actor=user, reason=reason, discard=discard, now=self.now)
        except extract.NothingTripped as refusal:
            messages.error(request, str(refusal))
        else:
            assess.assess(workspace=self.workspace)
            messages.success(request, _("The breaker is reset; revocations may go on."))
        return redirect("workspaces")


def syncing_of(workspace: Workspace, *, now: datetime, asked: str = "") -> Syncing:
    """The last reading that ended, and the one that runs, if one does."""
    readings = Extraction.objects.filter(workspace=workspace)
    running = readings.filter(state="running", heartbeat_at__gt=now - SILENT).first()
    last = readings.exclude(state="running").first()
    is_described = workspace.name in settings.HUWISE
    return Syncing(last=last, running=running, is_described=is_described, asked=asked)


def _card(workspace: Workspace, now: datetime, asked: str) -> Card:
    readings = Extraction.objects.filter(workspace=workspace)
    quarantined = readings.filter(state="quarantined").first()
    return Card(
        workspace=workspace,
        policy=workspace.policies.filter(is_current=True).first(),
        syncing=syncing_of(workspace, now=now, asked=asked),
        table=SyncTable(list(readings[:SHOWN_SYNCS]), now=now, workspace=workspace),
        form=ModeForm(workspace=workspace),
        anomalies=sentences.of_anomalies(quarantined.anomalies) if quarantined else [],
    )


def _back(request: HttpRequest) -> str:
    """Where the button was pressed, if that is a page of ours."""
    given = str(request.POST.get("next", ""))
    return given if given.startswith("/") and url_has_allowed_host_and_scheme(given, None) else "/workspaces/"
