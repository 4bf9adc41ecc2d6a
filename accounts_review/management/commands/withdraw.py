"""``manage.py withdraw``: decide from a shell."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, accounts_named, person
from accounts_review.models import Workspace
from accounts_review.workflow.review import decide


class Command(WorkspaceCommand):
    help = "Take accounts out of their clean-up, and end their exemptions. All or nothing."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("usernames", metavar="USERNAME", nargs="+")
        parser.add_argument("--reason", required=True, help="why; kept in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        accounts = accounts_named(workspace, options["usernames"])
        actor = person(options["actor"])
        decide.withdraw(accounts=accounts, actor=actor, reason=options["reason"], now=now())
        self.stdout.write(f"withdrawn {len(accounts)}")
