"""``manage.py audit_export``: write the evidence."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts_review.models import AuditEntry
from accounts_review.spreadsheet.rows import audit_lines


class Command(BaseCommand):
    help = "Export every audit entry as a line of JSON, oldest first, with its digest."

    def handle(self, *args: Any, **options: Any) -> None:
        for line in audit_lines(AuditEntry.objects.order_by("seq")):
            self.stdout.write(line, ending="")
