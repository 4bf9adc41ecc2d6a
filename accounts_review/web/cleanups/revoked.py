"""Everyone whose access was removed, in whatever clean-up, and who of them is back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_tables2 import RequestConfig

from accounts_review.models import Case
from accounts_review.rules.lifecycle import CaseState
from accounts_review.web.cleanups.filters import WAYS, CaseFilter, most_first
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.tables import CellColumn, PortalTable, RecordTable, SegmentColumn
from accounts_review.workflow.restore.returns import ReturnRate, rates_of, returns_counted


class RevokedFilter(CaseFilter):
    """Those of a segment, as it was when they were approved, and those who are back."""

    back = django_filters.ChoiceFilter(
        method="by_return",
        choices=[(way, label) for way, (_which, label) in WAYS.items()],
        label=_("Back since"),
        empty_label=_("any"),
    )

    return_rates: list[ReturnRate]
    """Of all of them, whatever is chosen."""

    def counted(self) -> list[list[tuple[Any, int]]]:
        """All are looked at once, for what there is to choose from and for who came back."""
        segments, approvers, rows = Counter[Any](), Counter[Any](), returns_counted(self.queryset)
        for segment, approver, revoked, _returned, _restored in rows:
            segments[segment] += revoked
            approvers[approver] += revoked
        self.return_rates = rates_of((segment, counts) for segment, _approver, *counts in rows)
        return [most_first(segments), most_first(approvers)]

    def by_return(self, cases: QuerySet[Case], _name: str, way: str) -> QuerySet[Case]:
        return cases.filter(WAYS[way][0])


class RevokedTable(RecordTable):
    """Who it was, in which clean-up, and whether they are back."""

    account = CellColumn(
        "cleanups/case_account", _("Account"), order_by="account__username", attrs={"cell": {"class": "who"}}
    )
    cleanup = CellColumn("cleanups/case_cleanup", _("Clean-up"), order_by="cleanup__number")
    segment = SegmentColumn(accessor="evidence__segment", verbose_name=_("Segment"), orderable=False)
    moved_at = tables.DateTimeColumn(verbose_name=_("Revoked on"), format="j M Y, H:i")
    approved_at = CellColumn("cleanups/approval", _("Approved"))
    back = CellColumn("cleanups/back", _("Back"), accessor="pk", orderable=False)

    class Meta(PortalTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "cleanup", "segment", "moved_at", "approved_at", "back")
        order_by = "-moved_at"


class Revoked(WorkspaceView):
    """Those who were revoked, and how many of each segment came back."""

    template_name = "accounts_review/cleanups/revoked.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        cases = Case.objects.filter(cleanup__workspace=self.workspace, state=CaseState.REVOKED)
        found = RevokedFilter(request.GET, cases)
        table = RevokedTable(found.qs, now=self.now, workspace=self.workspace)
        table.shown = cases.select_related("account", "cleanup").defer("snapshot", "account__raw")
        RequestConfig(request).configure(table)
        context = {"filter": found, "table": table, "rows": table.paginator.count}
        context["return_rates"] = found.return_rates
        return self.render_to_response(self.get_context_data(**context))
