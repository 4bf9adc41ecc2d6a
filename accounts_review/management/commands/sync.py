"""``manage.py sync``: sync and assess; exit status 0 only if the sync was complete."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_words, verdicts_in_words
from accounts_review.models import Sync, Workspace
from accounts_review.tasks import actions
from accounts_review.wording import findings
from accounts_review.workflow.assess import assess


class Command(WorkspaceCommand):
    help = "Read the workspace and assess every account. Exits with 0 only if the sync is complete."

    def act(self, workspace: Workspace, **options: Any) -> None:
        sync = actions.sync(workspace.pk)
        counts = {name: getattr(sync, name) for name in ("read", "added", "changed", "absent")}
        self.stdout.write(f"{sync.state}: {in_words(counts) if any(counts.values()) else 'no account was read'}")
        self.stdout.write(verdicts_in_words(assess.tally(workspace=workspace, now=now())))
        if sync.state != Sync.State.COMPLETE:
            tripped = [
                f"{anomaly['code']}: {clause}"
                for anomaly, clause in zip(sync.anomalies, findings.of_anomalies(sync.anomalies), strict=True)
            ]
            hint = "check the workspace, then use manage.py reset_breaker" if tripped else "try again"
            problems = [str(findings.in_words(problem)) for problem in sync.problems]
            raise CommandError(f"The sync is {sync.state}; {hint}:\n" + "\n".join(problems + tripped))
