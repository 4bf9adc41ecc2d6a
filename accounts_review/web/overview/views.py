"""The overview: what needs attention now, and how the population stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts_review.models import (
    Cleanup,
    ConnectionCheck,
    Exemption,
    Sync,
    Workspace,
    may,
    may_somewhere,
    people_who_may,
)
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.rules.dormancy import Verdict
from accounts_review.web.cleanups.progress import progress_of
from accounts_review.web.overview.ahead import SHOWN as MOST_COMING
from accounts_review.web.overview.ahead import lead, situation, steps
from accounts_review.web.overview.attention import Need, needs, of_portal, of_workspace
from accounts_review.web.overview.counts import count_dormant_administrators, dormant_administrators
from accounts_review.web.overview.first_run import FirstCheck, first_checks
from accounts_review.web.overview.forecast import forecast, query_of_all
from accounts_review.web.overview.starts import starts
from accounts_review.web.policy.idleness import idleness
from accounts_review.web.policy.what_if import TrialForm
from accounts_review.web.review.counts import Counts, counts_by_segment
from accounts_review.web.review.filters import DORMANT_ADMINISTRATORS
from accounts_review.web.shared.access import PortalView, WorkspaceView
from accounts_review.web.shared.navigation import looked_up, portal
from accounts_review.web.workspaces.views import Syncing, last_syncs, syncing_of

TILES = (Verdict.DORMANT, Verdict.UNCERTAIN, Verdict.PROTECTED, Verdict.ACTIVE)


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A segment and how many of its accounts have each verdict, in the order of the tiles."""

    segment: str
    counts: list[tuple[str, int]]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSummary:
    """A workspace in the overview of all of them."""

    workspace: Workspace
    population: int
    undecided: int
    needs: list[Need]
    synced: Sync | None
    """The last good one."""


class Home(PortalView):
    """Every workspace with what needs a person there; where there is only one, its overview.

    Whoever has no role learns here, and only here, that an administrator can give them one.
    """

    template_name = "accounts_review/overview/home.html"

    def check(self, user: User, act: str) -> None:
        if not may_somewhere(user):
            raise PermissionDenied(
                _("Your login has no role here. Ask an administrator of the portal to give you one.")
            )

    def get(self, request: HttpRequest) -> HttpResponse:
        workspaces = looked_up(request)
        if len(workspaces) < 2:
            return redirect("overview", workspace=workspaces[0].name) if workspaces else redirect("workspaces")
        at = now()
        in_use = [each for each in workspaces if each.state != Workspace.State.RETIRED]
        administrators = count_dormant_administrators(in_use, now=at)
        begun = set(Cleanup.objects.order_by().values_list("workspace", flat=True).distinct())
        context = {
            "cards": [
                _card(each, at, administrators=administrators[each.pk], has_cleanups=each.pk in begun)
                for each in in_use
            ],
            "retired": [each for each in workspaces if each.state == Workspace.State.RETIRED],
            "of_portal": [*of_portal(at), *second_administrator(self.request.user)],
            "now": at,
        }
        return self.render_to_response(self.get_context_data(**context))


_ANOTHER_ADMINISTRATOR = Prepared(
    lambda besides: people_who_may("administer", None).exclude(pk=besides).values_list("pk")[:1], besides=int
)


def second_administrator(user: User) -> list[Need]:
    """Whoever administers the portal alone is asked to name another one."""
    if not may(user, "administer", None) or _ANOTHER_ADMINISTRATOR.rows(besides=user.pk):
        return []
    text = _("You are the only administrator: if you lose your access, nobody can let you in again.")
    return [Need(level="info", text=text, link=_("Name a second administrator"), url=reverse("people"))]


def _card(workspace: Workspace, now: datetime, *, administrators: int, has_cleanups: bool) -> WorkspaceSummary:
    counts = sum(counts_by_segment(workspace, now=now).values(), Counts())
    waiting = counts.still_open[Verdict.DORMANT.value]
    last, good = last_syncs(workspace)
    told: dict[str, Any] = {"administrators": administrators, "undecided": waiting, "has_cleanups": has_cleanups}
    found = of_workspace(workspace=workspace, last=last, now=now, **told)
    return WorkspaceSummary(
        workspace=workspace,
        population=counts.totals.total(),
        undecided=waiting,
        needs=found,
        synced=good,
    )


_EXEMPTIONS = Prepared(lambda keys: Exemption.objects.filter(pk__in=Among(keys)).select_related("account"), keys=list)


class Overview(WorkspaceView):
    """Everything at a glance; each number leads to the accounts behind it."""

    template_name = "accounts_review/overview/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        by_segment = counts_by_segment(self.workspace, now=self.now)
        rows = [
            VerdictRow(segment, [(verdict.value, counts.totals[verdict.value]) for verdict in TILES])
            for segment, counts in by_segment.items()
        ]
        rows.sort(key=lambda row: (-row.total, row.segment))
        syncing = syncing_of(self.workspace, now=self.now, asked=request.GET.get("asked", ""))
        idle = idleness(workspace=self.workspace, now=self.now)
        bars = forecast(workspace=self.workspace, now=self.now)
        administrators, administrator_count = dormant_administrators(self.workspace, now=self.now)
        waiting = sum(counts.still_open[Verdict.DORMANT.value] for counts in by_segment.values())
        here = portal(request)["portal"]
        known = situation(
            workspace=self.workspace,
            synced=syncing.good,
            undecided=waiting,
            drafted=here["draft"]["count"],
            now=self.now,
        )
        context = {
            "lead": lead(known, may_decide=may(self.request.user, "decide", self.workspace)),
            "starts": starts(self.workspace, is_moving=bool(here["bulk"]["goes_on"]), now=self.now) if waiting else [],
            "steps": steps(known),
            "coming": known.coming[:MOST_COMING],
            "coming_more": max(0, len(known.coming) - MOST_COMING),
            "needs": needs(
                workspace=self.workspace,
                last=syncing.last,
                administrators=administrator_count,
                undecided=waiting,
                now=self.now,
                known=known,
            )
            + second_administrator(self.request.user),
            "rows": rows,
            "tiles": [(v.value, sum(dict(row.counts)[v.value] for row in rows)) for v in TILES],
            "population": sum(row.total for row in rows),
            "syncing": syncing,
            "may_operate": may(self.request.user, "operate", self.workspace),
            "first_checks": self._first_checks(syncing) if not rows else [],
            "running": [(c, progress_of(c, now=self.now)) for c in known.running],
            "administrators": administrators,
            "administrator_count": administrator_count,
            "administrator_query": DORMANT_ADMINISTRATORS,
            "lapsing": _EXEMPTIONS.objects(keys=known.lapsing_first) if known.lapsing_first else [],
            "lapsing_count": known.lapsing,
            "bars": bars,
            "crossing": sum(bar.count for bar in bars),
            "crossing_query": query_of_all(bars),
            "idleness": idle,
            "trial_form": TrialForm(workspace=self.workspace, segments_held=by_segment).starting_with(idle.largest),
        }
        return self.render_to_response(self.get_context_data(**context))

    def _first_checks(self, syncing: Syncing) -> list[FirstCheck]:
        last = ConnectionCheck.last_of(self.workspace)
        return first_checks(self.workspace, last=last, is_described=syncing.is_described)
