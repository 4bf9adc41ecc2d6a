"""``manage.py revoke_due``: revoke what is due, in the foreground."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts_review import tasks
from accounts_review.management.shell import WorkspaceCommand, in_words
from accounts_review.models import Case, Hold, Workspace
from accounts_review.wording import holds as in_sentences

TOLD = ("revoked", "already_gone", "spared", "refused", "would_revoke", "unknown")


class Command(WorkspaceCommand):
    help = "Look once more at every account that is due, and revoke what still deserves it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--limit", type=int, metavar="N", help="take at most N cases")

    def act(self, workspace: Workspace, **options: Any) -> None:
        tally = tasks.revoke_due(workspace, limit=options["limit"])
        open_cases = Case.objects.filter(cleanup__workspace=workspace).exclude(cleanup__state="draft").open()
        left = open_cases.filter(state__in=("due", "claimed", "intended")).count()
        for cleanup in workspace.cleanups.filter(state="paused").exclude(stopped_because=""):
            self.stderr.write(f"clean-up {cleanup.number} is stopped: {cleanup.stopped_because}")
        for hold in Hold.objects.open().over(workspace):
            self.stderr.write(in_sentences.of_hold(hold))
        self.stdout.write(in_words({name: tally[name] for name in TOLD}, last=("due", left)))
