"""The overview: what needs attention now, and how the population stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts_review.models import Account, Exemption, Workspace, may
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.policy import ALWAYS_PROTECTED
from accounts_review.web.cleanups.progress import progress_of
from accounts_review.web.overview.attention import needs
from accounts_review.web.overview.forecast import forecast, query_of_all
from accounts_review.web.overview.idleness import idleness, years
from accounts_review.web.overview.what_if import TrialForm
from accounts_review.web.review.filters import DORMANT_ADMINISTRATORS, LAPSING
from accounts_review.web.shared.access import PortalView, WorkspaceView
from accounts_review.web.workspaces.views import syncing_of
from accounts_review.workflow.restore.returns import return_rates

TILES = (Verdict.DORMANT, Verdict.UNCERTAIN, Verdict.PROTECTED, Verdict.ACTIVE)
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A segment and how many of its accounts have each verdict, in the order of the tiles."""

    segment: str
    counts: list[tuple[str, int]]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)


class Home(PortalView):
    """Sends a person to the first workspace's overview, or to the workspaces where there is none yet."""

    def get(self, request: HttpRequest) -> HttpResponse:
        workspace = Workspace.objects.first()
        return redirect("overview", workspace=workspace.name) if workspace else redirect("workspaces")


class Overview(WorkspaceView):
    """Everything at a glance; each number leads to the accounts behind it."""

    template_name = "accounts_review/overview/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        rows = self._rows()
        syncing = syncing_of(self.workspace, now=self.now, asked=request.GET.get("asked", ""))
        idle = idleness(workspace=self.workspace, now=self.now)
        bars = forecast(workspace=self.workspace, now=self.now)
        administrators, lapsing = self._dormant_administrators(), self._lapsing()
        administrator_count, undecided = administrators.count(), self._undecided()
        context = {
            "needs": needs(
                workspace=self.workspace,
                last=syncing.last,
                administrators=administrator_count,
                undecided=undecided,
                now=self.now,
            ),
            "rows": rows,
            "tiles": [(v.value, sum(dict(row.counts)[v.value] for row in rows)) for v in TILES],
            "population": sum(row.total for row in rows),
            "syncing": syncing,
            "may_operate": may(self.request.user, "operate"),
            "running": [(c, progress_of(c, now=self.now)) for c in self.workspace.cleanups.filter(state="running")],
            "administrators": administrators[:SHOWN],
            "administrator_count": administrator_count,
            "administrator_query": DORMANT_ADMINISTRATORS,
            "lapsing": lapsing[:SHOWN],
            "lapsing_count": lapsing.count(),
            "bars": bars,
            "crossing": sum(bar.count for bar in bars),
            "crossing_query": query_of_all(bars),
            "idleness": idle,
            "years": years(),
            "trial_form": TrialForm(workspace=self.workspace).starting_with(idle.largest),
            "return_rates": return_rates(workspace=self.workspace),
        }
        return self.render_to_response(self.get_context_data(**context))

    def _rows(self) -> list[Row]:
        """Segments, the largest first; one query gives every number of the page's tiles and table."""
        accounts = Account.objects.filter(workspace=self.workspace).listed().assessed().with_verdict(self.now)
        counted = accounts.order_by().values_list(*("assessment__segment", "verdict")).annotate(Count("pk"))
        found: dict[str, dict[str, int]] = {}
        for segment, verdict, count in counted:
            found.setdefault(segment, {})[verdict] = count
        rows = [Row(segment, [(v.value, counts.get(v.value, 0)) for v in TILES]) for segment, counts in found.items()]
        return sorted(rows, key=lambda row: (-row.total, row.segment))

    def _dormant_administrators(self) -> QuerySet[Account]:
        """Idle past their limit, and never revoked because of what they may do: nobody else's list shows them."""
        holds = [{"code": "right", "subject": ALWAYS_PROTECTED}]
        accounts = Account.objects.filter(workspace=self.workspace).listed().assessed()
        idle = accounts.filter(assessment__standing="protected", assessment__dormant_from__lte=self.now)
        return idle.filter(assessment__reasons__contains=holds).order_by("assessment__dormant_from", "pk")

    def _undecided(self) -> int:
        """How many the review page opens with: dormant, and neither decided on nor snoozed."""
        accounts = Account.objects.filter(workspace=self.workspace).listed().assessed().with_verdict(self.now)
        return accounts.whose_verdict(Verdict.DORMANT).filter(Q(("case_state", None), ("snoozed_by", None))).count()

    def _lapsing(self) -> QuerySet[Exemption]:
        """Exemptions that end soon; who is still idle then can be approved again."""
        listed = Account.objects.filter(workspace=self.workspace).listed().assessed()
        standing = Exemption.objects.in_force(self.now).filter(account__in=listed)
        return standing.filter(until__lte=self.now + LAPSING).select_related("account")
