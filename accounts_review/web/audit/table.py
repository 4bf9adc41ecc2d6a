"""The table of audit entries."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRow

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, Workspace
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.web.audit.counts import EntriesFound, Numbers, found
from accounts_review.web.audit.rows import EntryWriter
from accounts_review.web.shared.tables import PortalTable


class NumberPaginator(Paginator):  # type: ignore[type-arg]
    """Counts entries and cuts pages by their numbers alone, which are in an index; one page of entries is read."""

    @property
    def numbers(self) -> Numbers:
        """In the order of the page, between the first and the last: entries before and after are not gone through."""
        numbers = self.table.numbers.filter(seq__range=(self.found.first, self.found.last))
        return numbers.order_by(*self.table.data.data.query.order_by)

    @property
    def table(self) -> AuditTable:
        rows: Any = self.object_list
        return rows.table  # type: ignore[no-any-return]

    @cached_property
    def found(self) -> EntriesFound:
        return found(self.table.numbers.order_by(), lasting=self.table.is_lasting)

    @cached_property
    def count(self) -> int:
        return self.found.total

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        start, end = (number - 1) * self.per_page, min(number * self.per_page, self.count)
        if start <= self.count // 2:
            of_page = list(self.numbers[start:end])
        else:
            # From the end, which is nearer.
            of_page = list(self.numbers.reverse()[self.count - end : self.count - start])[::-1]
        known = {entry.seq: entry for entry in _ENTRIES.objects(keys=of_page)}
        return Page([known[seq] for seq in of_page if seq in known], number, self)


_ENTRIES = Prepared(lambda keys: AuditEntry.objects.filter(seq__in=Among(keys)), keys=list)


def _act_of(entry: AuditEntry) -> tuple[object, ...]:
    """What entries of one act have in common; the last of it is how it is told."""
    return entry.at, entry.actor, entry.kind, entry.cleanup, sentences.of_act(entry)


class AuditTable(PortalTable):
    """The record, newest first. Entries of one act on many accounts that follow each other share a row.

    ``numbers`` are those of all its entries, ``is_lasting`` tells whether their filter will always find them.
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

    def __init__(self, *args: Any, numbers: Numbers, is_lasting: bool, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.numbers, self.is_lasting, self.workspace = numbers, is_lasting, workspace

    @property
    def paginated_rows(self) -> list[BoundRow]:
        """The rows of the page; the record of each holds the rest of its act as ``others``, and how it is told."""
        folded = []
        for (*_act, said), entries in groupby(self.page.object_list, key=_act_of):
            first, *others = entries
            first.others, first.said = others, said
            folded.append(BoundRow(first, table=self))
        return folded

    def rows_written(self) -> SafeString:
        """The rows of the page as HTML."""
        writer, acts = EntryWriter(self.workspace), (row.record for row in self.paginated_rows)
        rows = [writer.row([act, *act.others], said=act.said) for act in acts]
        return mark_safe("".join(rows))  # noqa: S308 (so is each)
