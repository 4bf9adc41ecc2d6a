"""``manage.py audit_export``: write the evidence."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from accounts_review.models import AuditEntry


class Command(BaseCommand):
    help = "Write every audit entry as a line of JSON, oldest first, with the digests that chain them."

    def handle(self, *args: Any, **options: Any) -> None:
        fields = [field.attname for field in AuditEntry._meta.concrete_fields]
        for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
            row = {name: getattr(entry, name) for name in fields}
            row["at"] = entry.at.isoformat(timespec="microseconds")
            self.stdout.write(json.dumps(row, ensure_ascii=False))
