"""``manage.py retire_workspace``: end the use of a workspace, and delete its key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts_review.management.shell import WorkspaceCommand, add_reason, person
from accounts_review.models import Workspace
from accounts_review.tasks import sources


class Command(WorkspaceCommand):
    help = "End the use of a workspace and delete its key. Its history can still be read."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_reason(parser, "why; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor = person(options["actor"])
        sources.retire(workspace, actor=actor, reason=options["reason"])
        self.stdout.write(f"{workspace} is retired")
