"""The table of a workspace's syncs."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Sync
from accounts_review.web.shared.tables import CellColumn, PortalTable, RecordTable
from accounts_review.wording import findings

WHOLE = {"cell": {"class": "whole"}}


class CountColumn(tables.Column):  # type: ignore[misc]
    """A number as people write it."""

    def render(self, value: int) -> str:
        return intcomma(value)


def _wrong(record: Sync) -> dict[str, Any]:
    found = [findings.in_words(item).said for item in [*record.problems, *record.health]]
    return {"said": [*findings.of_anomalies(record.anomalies), *found]}


class SyncTable(RecordTable):
    """Syncs of a workspace, each a link to its page."""

    started_at = CellColumn("workspaces/sync", _("Started"), attrs=WHOLE)
    state = CellColumn("workspaces/sync_state", _("State"), orderable=False)
    duration = CellColumn("workspaces/sync_duration", _("Took"), orderable=False, attrs=WHOLE)
    read = CellColumn("workspaces/sync_read", _("Read"), orderable=False, attrs=WHOLE)
    added = CountColumn(verbose_name=_("New"), attrs=WHOLE)
    changed = CountColumn(verbose_name=_("Changed"), attrs=WHOLE)
    absent = CountColumn(verbose_name=_("No longer listed"), attrs=WHOLE)
    problems = CellColumn("workspaces/sync_wrong", _("Problems"), orderable=False, extra_context=_wrong)

    class Meta(PortalTable.Meta):
        model = Sync
        fields = ()
        sequence = ("started_at", "state", "duration", "read", "added", "changed", "absent", "problems")
        order_by = "-started_at"
