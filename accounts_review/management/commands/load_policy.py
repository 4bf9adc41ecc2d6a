"""``manage.py load_policy``: put a new version of the policy in force."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_words, person
from accounts_review.models import Account, Workspace
from accounts_review.workflow import administer, assess


class Command(WorkspaceCommand):
    help = "Validate a policy and put it in force as a new version; prints how many accounts change their verdict."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help="a TOML text")
        parser.add_argument("--actor", metavar="LOGIN", help="who does this")
        parser.add_argument("--reason", default="", help="why; kept with the version")

    def act(self, workspace: Workspace, **options: Any) -> None:
        try:
            text = Path(options["file"]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}") from None
        actor = person(options["actor"]) if options["actor"] else None
        listed = Account.objects.filter(workspace=workspace).listed().assessed()
        before = listed.with_verdict(now()).verdicts()
        version = administer.adopt_policy(
            workspace=workspace, text=text, actor=actor, reason=options["reason"], now=now()
        )
        assess.assess(workspace=workspace)
        after = listed.with_verdict(now()).verdicts()
        moved = Counter(
            f"{before[pk]} to {verdict}" for pk, verdict in after.items() if before.get(pk, verdict) != verdict
        )
        self.stdout.write(f"version {version.number} is in force")
        self.stdout.write(f"verdicts changed: {in_words(moved)}")
