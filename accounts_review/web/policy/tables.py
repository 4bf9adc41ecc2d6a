"""The tables of the policy's pages: whom a preview would move, and who has been back."""

from __future__ import annotations

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Account
from accounts_review.web.shared.tables import CellColumn, PortalTable, RecordTable, SegmentColumn


class PreviewAccountsTable(RecordTable):
    """Accounts asked for ``with_verdict_under`` a preview: what they are, and what they would be."""

    username = CellColumn("review/account", _("Account"))
    verdict = CellColumn("policy/verdict_move", _("Verdict"), orderable=False)
    segment = CellColumn("policy/segment_move", _("Segment"), orderable=False, empty_values=())
    activity = CellColumn(
        "review/idle", _("Idle"), accessor="assessment__activity_at", orderable=False, empty_values=()
    )
    case_state = CellColumn("cleanups/case_word", _("Clean-up"), orderable=False)

    class Meta(PortalTable.Meta):
        model = Account
        fields = ()
        sequence = ("username", "verdict", "segment", "activity", "case_state")


class ReturnTable(RecordTable):
    """Accounts of a back-test that were seen again, with the silence that ended."""

    username = CellColumn("review/account", _("Account"))
    segment = SegmentColumn(accessor="assessment__segment", verbose_name=_("Segment"), orderable=False)
    silent_since = tables.DateTimeColumn(verbose_name=_("Idle since"), format="j M Y")
    seen_at = tables.DateTimeColumn(verbose_name=_("Seen again"), format="j M Y")

    class Meta(PortalTable.Meta):
        model = Account
        fields = ()
        sequence = ("username", "segment", "silent_since", "seen_at")
