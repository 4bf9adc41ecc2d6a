"""``manage.py audit_verify``: prove the chain of audit entries."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts_review import audit


class Command(BaseCommand):
    help = "Prove that no audit entry was changed, removed or inserted; names the first bad one and exits with 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seal", metavar="NUMBER:DIGEST", help="one that was kept elsewhere; it must still hold")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            kept = audit.Kept.parse(options["seal"]) if options["seal"] else None
        except ValueError as error:
            raise CommandError(str(error)) from None
        proven, flaw = audit.verify(kept)
        if flaw:
            raise CommandError(f"Entry {flaw.seq}: {flaw.problem}. The {proven} entries before it hold.")
        self.stdout.write(f"seal {audit.head()}")
        self.stdout.write(f"{proven} entries hold")
