"""The tables of clean-ups and their cases."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Case, Cleanup
from accounts_review.web.cleanups.rows import CaseWriter
from accounts_review.web.shared.tables import CellColumn, CountColumn, PortalTable, RecordTable


def _cell(kind: str) -> dict[str, dict[str, str]]:
    return {"cell": {"class": kind}}


class CleanupTable(RecordTable):
    """Clean-ups that were launched, each with what became of its cases; rows from ``cleanups_with_counts``."""

    number = CellColumn("cleanups/cleanup", _("Clean-up"))
    state = CellColumn("cleanups/cleanup_state", _("State"))
    launched_at = CellColumn("cleanups/launch", _("Launched"))
    size = CountColumn(_("Cases"))
    revoked = CountColumn(_("Revoked"))
    would_revoke = CountColumn(_("Would revoke"))
    spared = CountColumn(_("Spared"))
    failed = CountColumn(_("Failed"))
    closed_at = tables.DateTimeColumn(verbose_name=_("Closed on"), format="j M Y, H:i")

    class Meta(PortalTable.Meta):
        model = Cleanup
        fields = ()
        sequence = (
            "number",
            "state",
            "launched_at",
            "size",
            "revoked",
            "would_revoke",
            "spared",
            "failed",
            "closed_at",
        )
        order_by = "-number"


class WrittenTable(RecordTable):
    """Cases of one clean-up, whose rows are written by :class:`CaseWriter`."""

    def __init__(self, *args: Any, cleanup: Cleanup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cleanup = cleanup

    def rows_written(self) -> SafeString:
        """The rows of the page as HTML."""
        cells = ((each.name, each.attrs["td"]) for each in self.columns)
        columns = [(name, str(cell["data-label"]), cell.get("class") or "") for name, cell in cells]
        writer = CaseWriter(now=self.now, workspace=self.workspace, cleanup=self.cleanup, columns=columns)
        return mark_safe("".join(writer.row(row.record) for row in self.paginated_rows))  # noqa: S308 (so is each)


class CaseTable(WrittenTable):
    """The cases of a clean-up with their outcome."""

    account = tables.Column(_("Account"), order_by="account__username", attrs=_cell("who"))
    state = tables.Column(_("State"), attrs=_cell("cell-case_state"))
    fate = tables.Column(_("Outcome"), orderable=False, accessor="pk", attrs=_cell("cell-fate"))
    promised_at = tables.Column(_("Kept until"))
    answer = tables.Column(_("Final check and API response"), orderable=False, attrs=_cell("cell-case_answer"))
    approved_at = tables.Column(_("Approved"), attrs=_cell("cell-approval"))

    class Meta(PortalTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "state", "fate", "promised_at", "answer", "approved_at")
        template_name = "accounts_review/cleanups/_rows.html"


class DraftTable(WrittenTable):
    """Who is in the draft, why, and the way out of it."""

    account = tables.Column(_("Account"), order_by="account__username", attrs=_cell("who"))
    evidence = tables.Column(_("What the approver saw"), orderable=False, attrs=_cell("cell-evidence"))
    approved_at = tables.Column(_("Approved"), attrs=_cell("cell-approval"))
    withdraw = tables.Column(
        _("Take out"),
        accessor="pk",
        orderable=False,
        attrs={"th": {"class": "unsaid"}, "td": {"data-label": ""}},
    )

    class Meta(PortalTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "evidence", "approved_at", "withdraw")
        template_name = "accounts_review/cleanups/_rows.html"

    def __init__(self, *args: Any, may_decide: bool, **kwargs: Any) -> None:
        super().__init__(*args, exclude=() if may_decide else ("withdraw",), **kwargs)
