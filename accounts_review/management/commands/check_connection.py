"""``manage.py check_connection``: is the address right, is the key strong enough, and do the clocks agree?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from accounts_review.management.shell import WorkspaceCommand
from accounts_review.models import Workspace
from accounts_review.tasks import actions
from accounts_review.wording import findings


class Command(WorkspaceCommand):
    help = "Check a workspace's address, key and clock; changes nothing. Exits with 1 if something is wrong."

    def act(self, workspace: Workspace, **options: Any) -> None:
        connection_check = actions.check_workspace_connection(workspace)
        for found in connection_check.findings:
            self.stdout.write(f"{'good' if found['is_good'] else 'BAD '}  {findings.in_words(found)}")
        if wrong := connection_check.faults:
            counts = f"{len(wrong)} of {len(connection_check.findings)}"
            raise CommandError(f"{counts} findings need attention before a sync can be trusted.")
