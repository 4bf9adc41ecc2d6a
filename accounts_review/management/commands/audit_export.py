"""``manage.py audit_export``: write the evidence."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.management.shell import actor_named, workspace_named
from accounts_review.management.taken import take
from accounts_review.models import AuditEntry, permit
from accounts_review.spreadsheet.audit_rows import audit_lines


class Command(BaseCommand):
    help = "Export every audit entry as a line of JSON, oldest first, with its digest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="W", help="its entries only; the whole chain where none is named")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["workspace"]
        workspace = None if name is None else workspace_named(name)
        actor = actor_named(options["actor"])
        if actor:
            try:
                permit(actor, "read", workspace)
            except PermissionDenied as refusal:
                raise CommandError(str(refusal)) from None
        # What is taken is taken down first, and is no part of it.
        last = AuditEntry.objects.values_list("seq", flat=True).first() or 0
        entries = (AuditEntry.objects.of(workspace) if workspace else AuditEntry.objects.all()).filter(seq__lte=last)
        about = [workspace] if workspace else audit.everywhere()
        data = {"entries": entries.count(), "format": "jsonl"}
        lines = (line.encode() for line in audit_lines(entries.order_by("seq")))
        take(lines, self, into=None, about=about, kind=Event.AUDIT_EXPORTED, actor=actor, data=data)
