"""``manage.py resume_cleanup``: continue a clean-up that was paused, or paused by itself."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, add_reason, in_words, person
from accounts_review.models import Workspace
from accounts_review.workflow.launch import launch


class Command(WorkspaceCommand):
    help = "Resume a paused clean-up once the cause is fixed or accepted."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("number", type=int, metavar="NUMBER", help="number of the clean-up")
        add_reason(parser, "what you found; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        cleanup = workspace.cleanups.filter(number=options["number"]).first()
        if cleanup is None:
            raise CommandError(f"There is no clean-up {options['number']}.")
        launch.resume(cleanup=cleanup, actor=person(options["actor"]), reason=options["reason"], now=now())
        cleanup.refresh_from_db()
        self.stdout.write(f"clean-up {cleanup.number} is {cleanup.get_state_display()}")
        self.stdout.write(in_words(cleanup.tally()))
