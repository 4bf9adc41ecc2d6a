"""The table of audit entries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRow

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, Workspace
from accounts_review.web.audit.rows import EntryWriter
from accounts_review.web.shared.tables import PortalTable

Numbers = QuerySet[AuditEntry, int]


class NumberPaginator(Paginator[Any]):
    """Counts entries and cuts pages by their numbers alone, which are in an index; one page of entries is read."""

    @property
    def numbers(self) -> Numbers:
        rows: Any = self.object_list
        table: AuditTable = rows.table
        return table.numbers.order_by(*table.data.data.query.order_by)

    @cached_property
    def count(self) -> int:
        return self.numbers.count()

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        of_page = list(self.numbers[start : start + self.per_page])
        known = {entry.seq: entry for entry in AuditEntry.objects.filter(seq__in=of_page)}
        return Page([known[seq] for seq in of_page if seq in known], number, self)


def _act_of(entry: AuditEntry) -> tuple[object, ...]:
    return entry.at, entry.actor, entry.kind, entry.cleanup, sentences.of_act(entry)


class AuditTable(PortalTable):
    """The record, newest first. Entries of one act on many accounts that follow each other share a row.

    ``numbers`` are those of all its entries.
    """

    seq = tables.Column(_("No."), attrs={"cell": {"class": "whole"}})
    at = tables.Column(_("When"), orderable=False, attrs={"cell": {"class": "whole"}})
    actor = tables.Column(_("Who"), orderable=False, attrs={"cell": {"class": "whole"}})
    kind = tables.Column(_("What"), orderable=False, attrs={"cell": {"class": "cell-entry"}})
    subject = tables.Column(_("About"), orderable=False, attrs={"cell": {"class": "cell-entry_subject"}})

    class Meta(PortalTable.Meta):
        model = AuditEntry
        fields = ()
        sequence = ("seq", "at", "actor", "kind", "subject")
        order_by = "-seq"
        per_page = 100
        template_name = "accounts_review/audit/_rows.html"

    def __init__(self, *args: Any, numbers: Numbers, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.numbers, self.workspace = numbers, workspace

    @property
    def paginated_rows(self) -> list[BoundRow]:
        """The rows of the page; the record of each holds the rest of its act as ``others``."""
        folded = []
        for _act, entries in groupby(self.page.object_list, key=_act_of):
            first, *others = entries
            first.others = others
            folded.append(BoundRow(first, table=self))
        return folded

    def rows_written(self) -> Iterator[SafeString]:
        """The rows of the page as HTML."""
        writer = EntryWriter(self.workspace)
        return (writer.row([row.record, *row.record.others]) for row in self.paginated_rows)
