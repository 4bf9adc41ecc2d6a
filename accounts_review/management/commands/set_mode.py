"""``manage.py set_mode``: make the next clean-ups real, or dry runs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, person
from accounts_review.models import Workspace
from accounts_review.workflow import workspaces


class Command(WorkspaceCommand):
    help = "Set the mode of the next clean-ups: live, or dry-run, in which nothing is sent or removed."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("mode", choices=[mode.value for mode in Workspace.Mode])

    def act(self, workspace: Workspace, **options: Any) -> None:
        mode = Workspace.Mode(options["mode"])
        workspaces.set_mode(workspace=workspace, mode=mode, actor=person(options["actor"]), now=now())
        self.stdout.write(f"{workspace} is now in mode {mode.value}")
