"""``manage.py release``: let notices and removals continue after a hold."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from accounts_review.management.shell import HoldCommand
from accounts_review.models import Workspace
from accounts_review.workflow import holds


class Command(HoldCommand):
    help = "Release a held workspace or the whole portal. Administrators only."

    def act(self, workspace: Workspace | None, *, actor: User, reason: str, now: datetime) -> None:
        holds.release(workspace=workspace, actor=actor, reason=reason, now=now)
        self.stdout.write("released")
