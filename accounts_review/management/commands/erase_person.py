"""``manage.py erase_person``: erase the personal data of somebody who is gone; the proof of what was done stays."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, add_reason, person
from accounts_review.models import Workspace
from accounts_review.tasks import actions, nightly
from accounts_review.workflow.retention.erase import NotErasable, erase_person
from accounts_review.workflow.retention.traces import StillRead


class Command(WorkspaceCommand):
    help = """Erase what is held about somebody who is gone: name, address, username, raw record, free texts and
        what it takes to invite them back, in the database and in DATA_DIR. Cannot be undone; the audit still holds."""

    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username", metavar="USERNAME")
        add_reason(parser, "reason; recorded in the audit, without their name")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor, username, reason = person(options["actor"]), options["username"], options["reason"]
        try:
            erased = erase_person(workspace=workspace, username=username, actor=actor, reason=reason, now=now())
        except NotErasable as error:
            raise CommandError(str(error)) from None
        files = actions.sweep(erased.terms)
        try:
            nightly.scrub_job()
        except StillRead as later:
            self.stderr.write(str(later))
        for where in erased.left:
            self.stderr.write(f"Left as it is: {where}.")
        self.stdout.write(f"accounts erased {erased.accounts:,}, files changed {files}")
