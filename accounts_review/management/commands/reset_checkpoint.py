"""``manage.py reset_checkpoint``: accept the database as it is, after a restore or on a new host."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from accounts_review.management.shell import HoldCommand
from accounts_review.models import Workspace
from accounts_review.tasks import sources
from accounts_review.workflow import holds


class Command(HoldCommand):
    help = """Accept the database as it is, if it does not match a checkpoint or a host has none. Sync every
        workspace first and check what was decided since: people spared after the backup may be due again."""
    takes_workspace = False

    def act(self, workspace: Workspace | None, *, actor: User, reason: str, now: datetime) -> None:
        holds.reset_checkpoint(workspaces=sources.known_workspaces(), actor=actor, reason=reason, now=now)
        self.stdout.write("accepted")
