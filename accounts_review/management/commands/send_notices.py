"""``manage.py send_notices``: warn the people whose case awaits it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from accounts_review import tasks
from accounts_review.management.shell import WorkspaceCommand, in_words
from accounts_review.models import Workspace


class Command(WorkspaceCommand):
    help = "Send the warnings that running clean-ups owe, one mail a person, as many as the pace allows now."

    def act(self, workspace: Workspace, **options: Any) -> None:
        outcome = tasks.warn(workspace)
        counts = {name: getattr(outcome, name) for name in ("sent", "undeliverable", "spared")}
        self.stdout.write(in_words(counts, last=("awaiting notice", outcome.left)))
        if outcome.error:
            raise CommandError(outcome.error)
