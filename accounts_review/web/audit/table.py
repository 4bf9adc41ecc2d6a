"""The table of audit entries."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry
from accounts_review.web.shared.tables import CellColumn, PortalTable, RecordTable


def _entry(record: AuditEntry) -> dict[str, str]:
    details = json.dumps(record.details, ensure_ascii=False, indent=2, sort_keys=True)
    sentence_of = sentences.of_act if getattr(record, "others", ()) else sentences.of_entry
    return {"said": sentence_of(record), "name": sentences.name_of(record), "details": details}


def _act_of(entry: AuditEntry) -> tuple[object, ...]:
    return entry.at, entry.actor, entry.kind, entry.cleanup, sentences.of_act(entry)


class AuditTable(RecordTable):
    """The record, newest first. Entries of one act on many accounts that follow each other share a row."""

    seq = CellColumn("audit/entry_number", _("No."), attrs={"cell": {"class": "whole"}})
    at = tables.DateTimeColumn(
        verbose_name=_("When"), format="j M Y, H:i:s", orderable=False, attrs={"cell": {"class": "whole"}}
    )
    actor = tables.Column(verbose_name=_("Who"), orderable=False, attrs={"cell": {"class": "whole"}})
    kind = CellColumn("audit/entry", _("What"), orderable=False, extra_context=_entry)
    subject = CellColumn("audit/entry_subject", _("About"), orderable=False)

    class Meta(PortalTable.Meta):
        model = AuditEntry
        fields = ()
        sequence = ("seq", "at", "actor", "kind", "subject")
        order_by = "-seq"
        per_page = 100

    @property
    def paginated_rows(self) -> list[Any]:
        """The rows of the page; the record of each holds the rest of its act as ``others``."""
        folded = []
        for _act, rows in groupby(super().paginated_rows, key=lambda row: _act_of(row.record)):
            first, *others = rows
            first.record.others = [row.record for row in others]
            folded.append(first)
        return folded
