"""``manage.py load_policy``: put a new version of the policy in force."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_words, person
from accounts_review.models import Workspace
from accounts_review.workflow.assess import assess
from accounts_review.workflow.policy import preview


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
        policy_preview = preview.propose(
            workspace=workspace, text=text, actor=actor, reason=options["reason"], now=now()
        )
        assess.assess(workspace=workspace)
        preview.judge(policy_preview=policy_preview, clock=now)
        policy_preview.refresh_from_db()
        moved = Counter[str]()
        for move in preview.moves(policy_preview, now=now()):
            if move.verdict != move.verdict_after:
                moved[f"{move.verdict} to {move.verdict_after}"] += move.count
        version = preview.activate(
            policy_preview=policy_preview, seen=preview.stamp(policy_preview), actor=actor, now=now()
        )
        self.stdout.write(f"version {version.number} is in force")
        self.stdout.write(f"verdicts changed: {in_words(moved)}")
