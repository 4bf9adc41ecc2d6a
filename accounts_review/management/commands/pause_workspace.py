"""``manage.py pause_workspace``: nothing is synced, sent or removed until the workspace is resumed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, add_reason, person
from accounts_review.models import Workspace
from accounts_review.workflow import workspaces


class Command(WorkspaceCommand):
    help = "Pause a workspace: nothing is synced, sent or removed until it is resumed."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_reason(parser, "why; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor = person(options["actor"])
        workspaces.pause(workspace=workspace, actor=actor, reason=options["reason"], now=now())
        self.stdout.write(f"{workspace} is paused")
