"""``manage.py send_notices``: warn the people whose case awaits it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_words
from accounts_review.models import Workspace
from accounts_review.workflow import notify


class Command(WorkspaceCommand):
    help = "Send the warnings that running clean-ups owe, one mail a person."

    def act(self, workspace: Workspace, **options: Any) -> None:
        outcome = notify.send_notices(workspace=workspace, now=now())
        counts = {name: getattr(outcome, name) for name in ("sent", "undeliverable", "spared")}
        self.stdout.write(in_words(counts, last=("awaiting notice", outcome.left)))
        if outcome.error:
            raise CommandError(outcome.error)
