"""``manage.py revoke_due``: revoke what is due, in the foreground.

Its last words are what is left, such as ``2 due, 1 unknown``; why that does not go on, and until when, goes to
standard error. Exit status 1 where the workspace failed in this run: it could not be reached, refused access, or left
the outcome of a DELETE unknown. Status 0 where the portal's own rules hold back what is left: a limit, the breaker, dry
run, a pause.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count, Max
from django.utils.timezone import now

from accounts_review.management.numbers import count
from accounts_review.management.shell import WorkspaceCommand, in_a_clause, in_words
from accounts_review.models import Hold, Workspace
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.tasks import actions
from accounts_review.wording import holds as in_sentences
from accounts_review.wording import instants
from accounts_review.workflow.revoke import standstill

TOLD = ("revoked", "already_gone", "spared", "refused", "would_revoke", "unknown")


class Command(WorkspaceCommand):
    help = "Do the final check of every due account and remove those that are still dormant."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--limit", type=count, metavar="N", help="process at most N cases")

    def act(self, workspace: Workspace, **options: Any) -> None:
        tally = actions.revoke_due(workspace, limit=options["limit"])
        workspace.refresh_from_db()
        self._say_what_holds(workspace)
        for hold in Hold.objects.open().over(workspace):
            self.stderr.write(in_sentences.of_hold(hold))
        left = [f"{standstill.due(workspace, now=now()).count()} due"]
        if unknown := standstill.unknown(workspace).count():
            left.append(f"{unknown} unknown")
        self.stdout.write(f"{in_words({name: tally[name] for name in TOLD})}; {', '.join(left)}")
        if workspace.failure:
            raise CommandError(in_a_clause(workspace.failure))

    def _say_what_holds(self, workspace: Workspace) -> None:
        for cleanup in workspace.cleanups.filter(state__in=(CleanupState.RUNNING, CleanupState.PAUSED)).order_by(
            "number"
        ):
            how = "is paused" if cleanup.state == CleanupState.PAUSED else "waits"
            for found in standstill.standstill(cleanup, now=now()):
                if found != workspace.failure:
                    self.stderr.write(f"clean-up {cleanup.number} {how}: {in_a_clause(found)}")
            in_hand = cleanup.cases.filter(state__in=(CaseState.CLAIMED, CaseState.INTENDED))
            left = in_hand.aggregate(count=Count("pk"), until=Max("lease_until"))
            if left["until"]:
                self.stderr.write(
                    f"clean-up {cleanup.number} {how}: another worker has {left['count']:,} of its cases; "
                    f"if it has died, they go on at {instants.time_of(left['until'].isoformat())}"
                )
            if cleanup.state == CleanupState.PAUSED:
                self.stderr.write(
                    f"resume it with manage.py resume_cleanup {cleanup.number} --workspace {workspace.name} "
                    "--actor LOGIN --reason TEXT, or on its page"
                )
