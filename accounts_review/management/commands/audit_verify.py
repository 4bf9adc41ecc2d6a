"""``manage.py audit_verify``: prove the chain of audit entries."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts_review import record


class Command(BaseCommand):
    help = "Prove that no audit entry was changed, removed or inserted; names the first bad one and exits with 1."

    def handle(self, *args: Any, **options: Any) -> None:
        proven, flaw = record.verify()
        if flaw:
            raise CommandError(f"Entry {flaw.seq}: {flaw.problem}. The {proven} entries before it hold.")
        self.stdout.write(f"{proven} entries hold")
