"""``manage.py audit_verify``: verify the chain of audit entries, also against checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.models import Hold
from accounts_review.wording import holds


class Command(BaseCommand):
    help = """Verify that no audit entry was changed, removed or inserted, and that none is missing at the end, using
        this host's checkpoint and any saved one. Changes nothing; exits with 1 and says what is wrong."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--checkpoint", metavar="FILE", help="a saved checkpoint: its file, or NUMBER:DIGEST")

    def handle(self, *args: Any, **options: Any) -> None:
        proven, flaw = audit.verify(_kept(options["checkpoint"]))
        if flaw:
            raise CommandError(f"Entry {flaw.seq}: {flaw.problem}. The {proven} entries before it are intact.")
        finding = checkpoint.look()
        if finding and finding.cause != Hold.Cause.MISSING:
            raise CommandError(
                f"{holds.of_cause(finding.cause, finding.details)} The {proven} entries themselves are intact."
            )
        if finding:
            self.stderr.write(holds.of_cause(finding.cause, finding.details))
        self.stdout.write(f"checkpoint {audit.newest_checkpoint()}")
        self.stdout.write(f"{proven} entries hold")


def _kept(given: str | None) -> audit.Checkpoint | None:
    if not given:
        return None
    try:
        return audit.Checkpoint.parse(given if ":" in given and not Path(given).exists() else Path(given).read_text())
    except (ValueError, OSError) as error:
        raise CommandError(f"{given}: {error}") from None
