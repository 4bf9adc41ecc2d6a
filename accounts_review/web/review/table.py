"""The review table: what a row says of an account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Account
from accounts_review.web.account.evidence import idleness, reasons_in_force
from accounts_review.web.shared.tables import CellColumn, PickColumn, PortalTable
from accounts_review.workflow.review.decide import is_own


def _own(record: Account, table: ReviewTable) -> dict[str, Any]:
    return {"is_own": is_own(record, table.actor)}


def _why(record: Account, table: ReviewTable) -> dict[str, Any]:
    return {"idleness": idleness(record, now=table.now), "reasons": reasons_in_force(record)}


class ReviewTable(PortalTable):
    """Accounts to decide on, as they are at the instant ``now``, for the person who decides."""

    htmx_target = "#results"
    all_chosen = False
    """Whether everyone who matches is chosen, so that single boxes say nothing."""

    pick = PickColumn("review/pick", "", accessor="pk", orderable=False, extra_context=_own)
    username = CellColumn("review/account", _("Account"), extra_context=_own)
    email = tables.Column(verbose_name=_("E-mail"), visible=False)
    verdict = CellColumn("review/verdict", _("Verdict"), orderable=False)
    why = CellColumn("review/why", _("Why"), accessor="pk", orderable=False, extra_context=_why)
    segment = tables.Column(
        accessor="assessment__segment", verbose_name=_("Segment"), attrs={"cell": {"class": "cell-segment"}}
    )
    activity = CellColumn("review/idle", _("Idle since"), accessor="assessment__activity_at")
    dormant_from = CellColumn("review/dormant_from", _("Dormant from"), accessor="assessment__dormant_from")
    state = CellColumn("review/state", _("State"), accessor="pk", orderable=False)
    rights = CellColumn("review/rights", _("Rights"), accessor="pk", orderable=False)

    class Meta(PortalTable.Meta):
        attrs = PortalTable.Meta.attrs | {"aria-label": _("Accounts")}
        order_by = "dormant_from"
        row_attrs = {"id": lambda record: f"row-{record.pk}", "tabindex": "-1"}

    def __init__(self, *args: Any, now: datetime, actor: User, **kwargs: Any) -> None:
        self.now, self.actor = now, actor
        super().__init__(*args, **kwargs)

    def order_activity(self, rows: QuerySet[Account], is_descending: bool) -> tuple[QuerySet[Account], bool]:  # noqa: FBT001
        """Accounts without any valid date come last, either way."""
        activity = F("assessment__activity_at")
        return rows.order_by(activity.desc(nulls_last=True) if is_descending else activity.asc(nulls_last=True)), True
