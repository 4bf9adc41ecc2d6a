"""``manage.py check_workspace``: is the address right, is the key strong enough, and do the clocks agree?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from accounts_review import tasks
from accounts_review.management.shell import WorkspaceCommand
from accounts_review.models import Workspace


class Command(WorkspaceCommand):
    help = "Look at address, key and clocks of a workspace; reads only. Exits with 1 if something is wrong."

    def act(self, workspace: Workspace, **options: Any) -> None:
        findings = tasks.examine_workspace(workspace)
        for finding in findings:
            self.stdout.write(f"{'good' if finding.is_good else 'BAD '}  {finding.said}")
        wrong = [finding for finding in findings if not finding.is_good]
        if wrong:
            raise CommandError(f"{len(wrong)} of {len(findings)} findings want mending before a sync can be trusted.")
