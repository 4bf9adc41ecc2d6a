"""``manage.py audit_export``: write the evidence."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts_review.management.shell import workspace_named
from accounts_review.models import AuditEntry
from accounts_review.spreadsheet.audit_rows import audit_lines


class Command(BaseCommand):
    help = "Export every audit entry as a line of JSON, oldest first, with its digest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="W", help="its entries only; the whole chain where none is named")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["workspace"]
        entries = AuditEntry.objects.of(workspace_named(name)) if name is not None else AuditEntry.objects.all()
        for line in audit_lines(entries.order_by("seq")):
            self.stdout.write(line, ending="")
