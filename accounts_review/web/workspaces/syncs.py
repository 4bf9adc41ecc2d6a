"""Syncs: every sync of a workspace with what it saw, and the breaker that a person resets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tables2 import RequestConfig

from accounts_review.models import Account, Run, Sync, may
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.models.run import SILENT
from accounts_review.web.shared import typed
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.workspaces.filters import SyncFilter
from accounts_review.web.workspaces.forms import BreakerForm
from accounts_review.web.workspaces.incident import incident_of
from accounts_review.web.workspaces.tables import SyncTable
from accounts_review.web.workspaces.views import syncing_of
from accounts_review.wording import findings
from accounts_review.workflow.assess import assess
from accounts_review.workflow.sync.sync import NothingToStop, NothingTripped, reset_breaker, stop_sync

RULES: dict[str, tuple[Promise, Promise]] = {
    "activity_lost": (
        gettext_lazy("Less active than before"),
        gettext_lazy("People whose dates are earlier than in the last good sync, or missing."),
    ),
    "population_changed": (
        gettext_lazy("Population"),
        gettext_lazy("Accounts in the list, not counting those the portal removed."),
    ),
    "nobody_seen": (
        gettext_lazy("Accounts without a date of use"),
        gettext_lazy("In a first sync, nobody was ever seen or signed in: the dates must be missing."),
    ),
    "never_used": (
        gettext_lazy("Accounts never used"),
        gettext_lazy("In a first sync, nearly everyone: the dates are probably missing."),
    ),
    "candidates_multiplied": (
        gettext_lazy("Candidates"),
        gettext_lazy("Accounts that would be dormant, under the same policy at the same time."),
    ),
}
"""Each rule of the breaker: its name, and what it counts."""

COMPARED = ("population_changed", "candidates_multiplied")
"""The rules that look at a number before; the others look at each account, or have none to compare with."""

CHANGES: dict[str, Promise] = {
    "added": gettext_lazy("New"),
    "changed": gettext_lazy("Changed"),
    "absent": gettext_lazy("No longer listed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureChange:
    """One kind of change: how many accounts, and those of them that are known by name."""

    name: str
    title: str
    count: int
    accounts: list[Account]

    @property
    def unnamed(self) -> int:
        return self.count - len(self.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the breaker and the numbers it looked at."""

    title: str
    counts: str
    before: int | None
    after: int
    allowed: int | None
    is_change: bool
    """Whether the limit is on the difference of the two numbers, not on the second."""
    tripped: bool


class Syncs(WorkspaceView):
    """The syncs, newest first."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        syncs = SyncFilter(request.GET, Sync.objects.filter(workspace=self.workspace))
        table = SyncTable(syncs.qs, now=self.now, workspace=self.workspace)
        table.shown = Sync.objects.all()
        table.htmx_target = "#syncs"
        RequestConfig(request, paginate={"per_page": 25}).configure(table)
        self.template_name = f"accounts_review/workspaces/{'_syncs' if self.is_partial else 'syncs'}.html"
        context = {
            "filter": syncs,
            "table": table,
            "query": request.GET.urlencode(),
            "syncing": syncing_of(self.workspace, now=self.now, asked=request.GET.get("asked", "")),
            "worker_is_silent": Run.objects.is_silent(self.now),
            "may_operate": may(self.request.user, "operate", self.workspace),
        }
        return self.render_to_response(self.get_context_data(**context))


class SyncView(WorkspaceView):
    """A page or act about one sync."""

    sync: Sync

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.sync = get_object_or_404(Sync, workspace=self.workspace, pk=kwargs["pk"])


class SyncPage(SyncView):
    """One sync; while it runs, how far it is."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        runs = self.sync.state == Sync.State.RUNNING and self.sync.heartbeat_at > self.now - SILENT
        may_operate = may(self.request.user, "operate", self.workspace)
        context: dict[str, Any] = {"sync": self.sync, "runs": runs, "may_operate": may_operate}
        if self.is_partial:
            self.template_name = "accounts_review/workspaces/_sync_progress.html"
            response = self.render_to_response(self.get_context_data(**context))
            if not runs:
                # It has ended: every number of the page is another.
                response["HX-Refresh"] = "true"
            return response
        self.template_name = "accounts_review/workspaces/sync.html"
        quarantined = self.workspace.syncs.filter(state=Sync.State.QUARANTINED).first()
        context |= {
            "problems": [findings.in_words(problem) for problem in self._problems()],
            "health": [findings.in_words(finding) for finding in self.sync.health],
            "changes": self._changes(),
            "rules": [_rule(check) for check in self.sync.checks],
            "quarantined": quarantined,
            "incident": incident_of(self.sync) if self.sync == quarantined else None,
            "last_good": self.workspace.syncs.filter(state=Sync.State.COMPLETE).first(),
            "may_reset": quarantined == self.sync and may(self.request.user, "administer", self.workspace),
        }
        if context["may_reset"]:
            context["typed"] = typed.taken(request, f"breaker {self.workspace.pk}")
        return self.render_to_response(self.get_context_data(**context))

    def _problems(self) -> list[findings.Found]:
        """Why it was not complete; before it was kept, a sync that was interrupted said nothing."""
        is_silent = self.sync.state == Sync.State.FAILED and not self.sync.problems
        return [{"code": "interrupted"}] if is_silent else self.sync.problems

    def _changes(self) -> list[FigureChange]:
        """What changed; one query finds every account that is known by name."""
        keys = {key for named in self.sync.touched.values() for key in named}
        known = Account.objects.filter(workspace=self.workspace).in_bulk(keys)
        return [
            FigureChange(
                name=name,
                title=str(title),
                count=getattr(self.sync, name),
                accounts=[known[key] for key in self.sync.touched.get(name, ()) if key in known],
            )
            for name, title in CHANGES.items()
        ]


class StopSync(SyncView):
    """End a sync that runs; nothing of it is stored."""

    needs = "operate"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            stop_sync(sync=self.sync, actor=self.request.user, now=self.now)
        except NothingToStop as refusal:
            messages.info(request, str(refusal))
        else:
            messages.success(request, _("The sync stops at its next page. Nothing it read is stored."))
        return redirect("sync_page", workspace=self.workspace.name, pk=self.sync.pk)


class Breaker(SyncView):
    """An administrator's decision on a quarantined sync: use it or ignore it."""

    needs = "administer"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return _("Ignore this sync") if request.POST.get("choice") == "discard" else _("Use this sync")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        page = redirect("sync_page", workspace=self.workspace.name, pk=self.sync.pk)
        form, user = BreakerForm(request.POST), self.request.user
        if not form.is_valid():
            self._keep_reason()
            messages.error(request, _("Give a reason; it is recorded in the audit."))
            return page
        reason, discard = form.cleaned_data["reason"], form.cleaned_data["choice"] == "discard"
        try:
            decided = reset_breaker(
                workspace=self.workspace, seen=self.sync, actor=user, reason=reason, discard=discard, now=self.now
            )
        except NothingTripped as refusal:
            self._keep_reason()
            messages.error(request, str(refusal))
        else:
            assess.assess(workspace=self.workspace)
            if decided.state == Sync.State.COMPLETE or discard:
                messages.success(request, _("Done. Removals continue."))
            else:
                messages.warning(
                    request, _("A later sync is already in use, so this one was ignored. Removals continue.")
                )
        return page

    def _keep_reason(self) -> None:
        """For the sync that is to be decided on, which may be a newer one."""
        reason = self.request.POST.get("reason", "")[:LONGEST_REASON]
        typed.keep(self.request, f"breaker {self.workspace.pk}", reason=reason)


def _rule(check: dict[str, Any]) -> Rule:
    title, counts = RULES.get(check["code"], (check["code"], ""))
    return Rule(
        title=str(title),
        counts=str(counts),
        before=check["before"] if check["code"] in COMPARED else None,
        after=check["after"],
        allowed=check["allowed"],
        is_change=check["code"] == "population_changed",
        tripped=check["tripped"],
    )
