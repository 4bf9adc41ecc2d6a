"""``manage.py send_notices``: warn the people whose case awaits it.

Its last words are how many still await their notice, those of a paused clean-up among them; why none leaves, and until
when, goes to standard error. Exit status 1 where the mail server failed.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.db.models import Q
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_a_clause, in_words
from accounts_review.models import Workspace
from accounts_review.rules.lifecycle import CleanupState
from accounts_review.tasks import actions
from accounts_review.workflow.notify import waiting


class Command(WorkspaceCommand):
    help = "Send the notices that are due, one e-mail per person, at the pace that is set."

    def act(self, workspace: Workspace, **options: Any) -> None:
        outcome = actions.warn(workspace)
        counts = {name: getattr(outcome, name) for name in ("sent", "undeliverable", "spared")}
        counts["put off by the mail server"] = outcome.put_off
        left = waiting.awaiting_notice(workspace)
        # What this run has paused by itself is told, too, where nobody is left to be warned.
        standing = Q(pk__in=left.values("cleanup")) | Q(state=CleanupState.PAUSED)
        for cleanup in workspace.cleanups.filter(standing).order_by("number"):
            for found in waiting.no_notices(cleanup, pace=actions.pace(), now=now()):
                self.stderr.write(f"clean-up {cleanup.number} waits: {in_a_clause(found)}")
        self.stdout.write(in_words(counts, last=("awaiting notice", left.count())))
        if outcome.error:
            raise CommandError(outcome.error)
