"""``manage.py reset_breaker``: after a person has looked, accept the quarantined numbers, or discard them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, add_reason, person, verdicts_in_words
from accounts_review.models import Sync, Workspace
from accounts_review.workflow.assess import assess
from accounts_review.workflow.sync.sync import reset_breaker


class Command(WorkspaceCommand):
    help = "Decide on a sync that looked wrong: use it, or ignore it. Removals continue either way."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_reason(parser, "what you found; recorded in the audit")
        parser.add_argument("--discard", action="store_true", help="ignore this sync instead of using it")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor, discard = person(options["actor"]), options["discard"]
        sync = reset_breaker(workspace=workspace, actor=actor, reason=options["reason"], discard=discard, now=now())
        assess.assess(workspace=workspace)
        is_accepted = sync.state == Sync.State.COMPLETE
        self.stdout.write("accepted" if is_accepted else "discarded")
        if not (discard or is_accepted):
            self.stderr.write("A later sync was complete; its numbers stay in use.")
        self.stdout.write(verdicts_in_words(assess.tally(workspace=workspace, now=now())))
