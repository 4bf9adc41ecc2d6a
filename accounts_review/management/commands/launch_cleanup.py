"""``manage.py launch_cleanup``: freeze the draft and launch it."""

from __future__ import annotations

from typing import Any

from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_a_clause, in_words, person
from accounts_review.models import Workspace
from accounts_review.rules.lifecycle import CleanupState
from accounts_review.workflow.launch import launch, limits


class Command(WorkspaceCommand):
    help = "Launch the draft clean-up. It starts, or waits for a second person to confirm."
    needs_actor = True

    def act(self, workspace: Workspace, **options: Any) -> None:
        draft = workspace.cleanups.filter(state=CleanupState.DRAFT).first()
        if draft is None:
            raise launch.CannotLaunch("There is no draft; approve accounts first.")
        cleanup = launch.launch(cleanup=draft, actor=person(options["actor"]), now=now())
        mode = "dry run" if cleanup.dry_run else "live"
        held = workspace.cleanups.filter(state=CleanupState.DRAFT).first()
        room = limits.room(workspace, now=now())
        if held and not room.allows:
            self.stderr.write(in_a_clause(room.objection))
        self.stdout.write(f"clean-up {cleanup.number} ({mode}) is {cleanup.get_state_display()}")
        self.stdout.write(in_words(cleanup.tally(), last=("held back", held.cases.count() if held else 0)))
