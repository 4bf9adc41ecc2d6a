"""``manage.py check_workspace``: is the address right, is the key strong enough, and do the clocks agree?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from accounts_review import findings, tasks
from accounts_review.management.shell import WorkspaceCommand
from accounts_review.models import Workspace


class Command(WorkspaceCommand):
    help = "Look at address, key and clocks of a workspace; reads only. Exits with 1 if something is wrong."

    def act(self, workspace: Workspace, **options: Any) -> None:
        examination = tasks.examine_workspace(workspace)
        for found in examination.findings:
            self.stdout.write(f"{'good' if found['is_good'] else 'BAD '}  {findings.in_words(found)}")
        if wrong := examination.faults:
            counts = f"{len(wrong)} of {len(examination.findings)}"
            raise CommandError(f"{counts} findings want mending before a sync can be trusted.")
