"""The table of a workspace's syncs."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from accounts_review import findings
from accounts_review.models import Extraction
from accounts_review.web import sentences
from accounts_review.web.tables import CellColumn, PortalTable
from accounts_review.web.tables_of_records import RecordTable


def _wrong(record: Extraction) -> dict[str, Any]:
    found = [findings.in_words(item).said for item in [*record.problems, *record.health]]
    return {"said": [*sentences.of_anomalies(record.anomalies), *found]}


class SyncTable(RecordTable):
    """Readings of a workspace, each a link to its page."""

    started_at = CellColumn("sync", _("Started"), attrs={"cell": {"class": "whole"}})
    state = CellColumn("sync_state", _("State"), orderable=False)
    duration = CellColumn("sync_duration", _("Took"), orderable=False)
    read = CellColumn("sync_read", _("Read"), orderable=False)
    added = tables.Column(verbose_name=_("New"))
    changed = tables.Column(verbose_name=_("Changed"))
    absent = tables.Column(verbose_name=_("No longer listed"))
    problems = CellColumn("sync_wrong", _("What was wrong"), orderable=False, extra_context=_wrong)

    class Meta(PortalTable.Meta):
        model = Extraction
        fields = ()
        sequence = ("started_at", "state", "duration", "read", "added", "changed", "absent", "problems")
        order_by = "-started_at"
