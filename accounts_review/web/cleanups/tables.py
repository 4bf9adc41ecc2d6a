"""The tables of clean-ups and their cases."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib.auth.context_processors import PermWrapper
from django.middleware.csrf import get_token
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Case, Cleanup
from accounts_review.rules.dormancy import verdict_at
from accounts_review.web.shared.tables import CellColumn, PortalTable, RecordTable
from accounts_review.wording.cases import of_answer, of_case, of_evidence


def _evidence(record: Case, table: RecordTable) -> dict[str, str]:
    found = record.account.assessment
    verdict = verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=table.now)
    return {"said": of_evidence(record.evidence, now=table.now), "verdict": verdict}


def _fate(record: Case, table: CaseTable) -> dict[str, Any]:
    perms = PermWrapper(table.request.user)
    outcome, answer = of_case(record, now=table.now), of_answer(record)
    return {"said": outcome, "answer": answer, "perms": perms, "csrf_token": get_token(table.request)}


class CleanupTable(RecordTable):
    """Clean-ups that were launched, each with what became of its cases; rows from ``cleanups_with_counts``."""

    number = CellColumn("cleanups/cleanup", _("Clean-up"))
    state = CellColumn("cleanups/cleanup_state", _("State"))
    launched_at = CellColumn("cleanups/launch", _("Launched"))
    size = tables.Column(verbose_name=_("Cases"))
    revoked = tables.Column(verbose_name=_("Revoked"))
    would_revoke = tables.Column(verbose_name=_("Would revoke"))
    spared = tables.Column(verbose_name=_("Spared"))
    failed = tables.Column(verbose_name=_("Failed"))
    closed_at = tables.DateTimeColumn(verbose_name=_("Closed"), format="j M Y, H:i")

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


class CaseTable(RecordTable):
    """The cases of a clean-up with their outcome."""

    account = CellColumn(
        "cleanups/case_account", _("Account"), order_by="account__username", attrs={"cell": {"class": "who"}}
    )
    state = CellColumn("cleanups/case_state", _("State"))
    fate = CellColumn("cleanups/fate", _("Outcome"), orderable=False, extra_context=_fate)
    promised_at = tables.DateTimeColumn(verbose_name=_("Kept until"), format="j M Y, H:i")
    answer = CellColumn("cleanups/case_answer", _("Final check and API response"), orderable=False)
    approved_at = CellColumn("cleanups/approval", _("Approved"))

    class Meta(PortalTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "state", "fate", "promised_at", "answer", "approved_at")


class DraftTable(RecordTable):
    """Who is in the draft, why, and the way out of it."""

    account = CellColumn(
        "cleanups/case_account", _("Account"), order_by="account__username", attrs={"cell": {"class": "who"}}
    )
    evidence = CellColumn("cleanups/evidence", _("What the approver saw"), orderable=False, extra_context=_evidence)
    approved_at = CellColumn("cleanups/approval", _("Approved"))
    withdraw = CellColumn(
        "cleanups/withdraw", _("Take out"), orderable=False, attrs={"th": {"class": "unsaid"}, "td": {"data-label": ""}}
    )

    class Meta(PortalTable.Meta):
        model = Case
        fields = ()
        sequence = ("account", "evidence", "approved_at", "withdraw")

    def __init__(self, *args: Any, may_decide: bool, **kwargs: Any) -> None:
        super().__init__(*args, exclude=() if may_decide else ("withdraw",), **kwargs)
