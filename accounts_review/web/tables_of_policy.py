"""The table of the policy's pages: whom a proposal would move."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts_review.models import Account
from accounts_review.web.tables import CellColumn, PortalTable
from accounts_review.web.tables_of_records import RecordTable


class MoverTable(RecordTable):
    """Accounts asked for ``with_verdict_under`` a proposal: what they are, and what they would be."""

    username = CellColumn("account", _("Account"))
    verdict = CellColumn("verdict_move", _("Verdict"), orderable=False)
    segment = CellColumn("segment_move", _("Segment"), orderable=False, empty_values=())
    activity = CellColumn("idle", _("Idle"), accessor="assessment__activity_at", orderable=False, empty_values=())
    case_state = CellColumn("case_word", _("Clean-up"), orderable=False)

    class Meta(PortalTable.Meta):
        model = Account
        fields = ()
        sequence = ("username", "verdict", "segment", "activity", "case_state")
