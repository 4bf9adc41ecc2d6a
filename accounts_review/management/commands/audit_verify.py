"""``manage.py audit_verify``: prove the whole audit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.management.files import content_of
from accounts_review.models import Hold
from accounts_review.wording import holds

EVERY = 100_000


class Command(BaseCommand):
    help = """Verify that no audit entry was changed, removed or inserted, that none is missing at the end, that
        everyone who acted was allowed to, and that cases, clean-ups, decisions and accounts match the audit,
        using every checkpoint of this host and any saved one. Changes nothing; exits with 1 and names each thing that
        is wrong."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--checkpoint",
            metavar="FILE",
            action="append",
            default=[],
            help="a saved checkpoint: its file, or NUMBER:DIGEST; may be given more than once",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = [_kept(one) for one in options["checkpoint"]]
        report = audit.verify_everything(now=now(), checkpoints=given, progress=self._tell)
        lines = [str(flaw) for flaw in report.flaws]
        finding = checkpoint.look()
        if finding and not lines and not (given and finding.cause == Hold.Cause.MISSING):
            lines.append(holds.of_cause(finding.cause, finding.details))
        if lines:
            raise CommandError("\n".join([*lines, f"The first {report.entries:,} entries are intact."]))
        for misdated in report.misdated:
            self.stderr.write(f"{misdated}. A clock was wrong; nothing was changed.")
        self.stdout.write(f"checkpoint {audit.newest_checkpoint()}")
        self.stdout.write(f"{report.entries:,} entries hold")

    def _tell(self, done: int) -> None:
        if done % EVERY == 0:
            self.stderr.write(f"{done:,} entries read")


def _kept(given: str) -> audit.Checkpoint:
    is_text = ":" in given and not os.path.exists(given)
    try:
        return audit.Checkpoint.parse(given if is_text else content_of(Path(given)).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CommandError(f"{given}: The file is not UTF-8 text; save it as UTF-8.") from None
    except ValueError as error:
        raise CommandError(f"{given}: {error}") from None
