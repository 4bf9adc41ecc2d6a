"""The table of a workspace's syncs."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts_review.models import Sync
from accounts_review.web.shared.tables import CellColumn, CountColumn, PortalTable, RecordTable
from accounts_review.wording import findings

WHOLE = {"cell": {"class": "whole"}}


def _wrong(record: Sync) -> dict[str, Any]:
    found = [findings.in_words(item).said for item in [*record.problems, *record.health]]
    return {"said": [*findings.of_anomalies(record.anomalies), *found]}


class SyncTable(RecordTable):
    """Syncs of a workspace, each a link to its page."""

    started_at = CellColumn("workspaces/sync", _("Started"), attrs=WHOLE)
    state = CellColumn("workspaces/sync_state", _("State"), orderable=False)
    duration = CellColumn("workspaces/sync_duration", _("Took"), orderable=False, attrs=WHOLE)
    read = CellColumn("workspaces/sync_read", _("Read"), orderable=False, attrs=WHOLE)
    added = CountColumn(_("New"))
    changed = CountColumn(_("Changed"))
    absent = CountColumn(_("No longer listed"))
    problems = CellColumn("workspaces/sync_wrong", _("Problems"), orderable=False, extra_context=_wrong)

    class Meta(PortalTable.Meta):
        model = Sync
        fields = ()
        sequence = ("started_at", "state", "duration", "read", "added", "changed", "absent", "problems")
        order_by = "-started_at"
