"""``manage.py hold``: stop everything: no notice is sent and nobody is removed until an administrator releases it."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from accounts_review.management.shell import HoldCommand
from accounts_review.models import Workspace
from accounts_review.workflow import holds


class Command(HoldCommand):
    help = "Hold a workspace or the whole portal: no notices are sent and nobody is removed. For anyone with a role."

    def act(self, workspace: Workspace | None, *, actor: User, reason: str, now: datetime) -> None:
        holds.hold(workspace=workspace, actor=actor, reason=reason, now=now)
        self.stdout.write("held")
