"""``manage.py change_host``: follow a workspace to the host that HUWISE_URL names now."""

from __future__ import annotations

from typing import Any

from accounts_review.management.shell import WorkspaceCommand, person
from accounts_review.models import Workspace
from accounts_review.tasks import actions


class Command(WorkspaceCommand):
    help = "Move a workspace to the host in HUWISE_URL, if the same accounts are found there."
    needs_actor = True

    def act(self, workspace: Workspace, **options: Any) -> None:
        before = workspace.host
        actions.change_host(workspace, actor=person(options["actor"]))
        self.stdout.write(f"{workspace} moved from {before} to {workspace.host}; sync it, then resume paused clean-ups")
