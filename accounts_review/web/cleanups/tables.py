"""The tables of clean-ups and their cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts_review.models import Case, Cleanup
from accounts_review.web.cleanups.rows import CleanupCaseWriter
from accounts_review.web.shared.tables import CellColumn, CountColumn, PortalTable, RecordTable, WrittenTable, celled


class CleanupTable(RecordTable):
    """Clean-ups that were launched, each with what became of its cases; rows from ``cleanups_with_counts``."""

    number = CellColumn("cleanups/cleanup", _("Clean-up"))
    state = CellColumn("cleanups/cleanup_state", _("State"))
    launched_at = CellColumn("cleanups/launch", _("Launched"))
    size = CountColumn(_("Cases"))
    revoked = CountColumn(_("Revoked"))
    would_revoke = CountColumn(pgettext_lazy("so many accounts", "Would be revoked"))
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


class CasesTable(WrittenTable):
    """Cases of one clean-up."""

    def __init__(self, *args: Any, cleanup: Cleanup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cleanup = cleanup

    @property
    def cells(self) -> Mapping[str, Callable[[Case], str]]:
        return CleanupCaseWriter(now=self.now, workspace=self.workspace, cleanup=self.cleanup).cells


class CaseTable(CasesTable):
    """The cases of a clean-up with their outcome."""

    account = tables.Column(_("Account"), order_by="account__username", attrs=celled("who"))
    state = tables.Column(_("State"), attrs=celled("cell-case_state"))
    fate = tables.Column(_("Outcome"), orderable=False, accessor="pk", attrs=celled("cell-fate"))
    promised_at = tables.Column(_("Kept until"), attrs=celled("whole"))
    answer = tables.Column(_("Final check and API response"), orderable=False, attrs=celled("cell-case_answer"))
    approved_at = tables.Column(_("Approved"), attrs=celled("cell-approval"))

    class Meta(WrittenTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "state", "fate", "promised_at", "answer", "approved_at")


class DraftTable(CasesTable):
    """Who is in the draft, why, and the way out of it."""

    account = tables.Column(_("Account"), order_by="account__username", attrs=celled("who"))
    evidence = tables.Column(_("What the approver saw"), orderable=False, attrs=celled("cell-evidence"))
    approved_at = tables.Column(_("Approved"), attrs=celled("cell-approval"))
    withdraw = tables.Column(
        _("Take out"),
        accessor="pk",
        orderable=False,
        attrs={"th": {"class": "unsaid"}, "td": {"data-label": ""}},
    )

    class Meta(WrittenTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "evidence", "approved_at", "withdraw")

    def __init__(self, *args: Any, may_decide: bool, **kwargs: Any) -> None:
        super().__init__(*args, exclude=() if may_decide else ("withdraw",), **kwargs)
