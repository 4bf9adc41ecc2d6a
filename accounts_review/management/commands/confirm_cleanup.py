"""``manage.py confirm_cleanup``: the second pair of eyes, where the policy asks for one."""

from __future__ import annotations

from typing import Any

from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_words, person
from accounts_review.models import Workspace
from accounts_review.rules.lifecycle import CleanupState
from accounts_review.workflow.launch import launch


class Command(WorkspaceCommand):
    help = "Confirm a clean-up that another person launched."
    needs_actor = True

    def act(self, workspace: Workspace, **options: Any) -> None:
        waiting = workspace.cleanups.filter(state=CleanupState.AWAITING_CONFIRMATION).order_by("number").first()
        if waiting is None:
            raise launch.CannotLaunch("No clean-up awaits a confirmation.")
        cleanup = launch.confirm(cleanup=waiting, actor=person(options["actor"]), now=now())
        self.stdout.write(f"clean-up {cleanup.number} is {cleanup.get_state_display()}")
        self.stdout.write(in_words(cleanup.tally()))
