"""``manage.py assess``: assess every account under the current policy."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, instant, verdicts_in_words
from accounts_review.models import DormancyCount, Workspace
from accounts_review.workflow.assess import assess


class Command(WorkspaceCommand):
    help = "Assess every account under the current policy, count them anew and print how many have each verdict."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--as-of", metavar="INSTANT", help="show the verdicts as of this time instead of now")

    def act(self, workspace: Workspace, **options: Any) -> None:
        as_of = now() if options["as_of"] is None else instant(options["as_of"])
        judged = assess.assess(workspace=workspace)
        DormancyCount.objects.recount(workspace)
        self.stdout.write(f"assessed again: {judged:,}")
        self.stdout.write(verdicts_in_words(assess.tally(workspace=workspace, now=as_of)))
