"""``manage.py resume_workspace``: end the pause of a workspace."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, add_reason, person
from accounts_review.models import Workspace
from accounts_review.workflow import workspaces


class Command(WorkspaceCommand):
    help = "Resume a workspace that was paused."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_reason(parser, "why; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor = person(options["actor"])
        workspaces.resume(workspace=workspace, actor=actor, reason=options["reason"], now=now())
        self.stdout.write(f"{workspace} is active")
