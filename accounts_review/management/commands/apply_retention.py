"""``manage.py apply_retention``: erase those whose retention period has ended, or show who they are."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, actor_named
from accounts_review.models import Workspace, permit
from accounts_review.tasks import actions, nightly
from accounts_review.workflow.retention import due
from accounts_review.workflow.retention.erase import NotErasable
from accounts_review.workflow.retention.traces import StillRead


class Command(WorkspaceCommand):
    help = """Show whose personal data the policy's [retention] would erase; with --actor, let it happen now and every
        night from now on. Until an administrator has done so once, nothing is erased automatically."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--actor", metavar="LOGIN", help="an administrator, who has seen the preview")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor = actor_named(options["actor"])
        if actor is None:
            for account in due.due_accounts(workspace, now=now()):
                self.stdout.write(account.username)
            for user in due.due_people(workspace, now=now()):
                self.stdout.write(f"{user.username} (portal)")
            self.stderr.write("Nothing was erased; with --actor LOGIN it is, now and every night.")
            return
        permit(actor, "administer", workspace)
        try:
            if workspace.retention_since is None:
                due.begin(workspace=workspace, actor=actor, now=now())
            erased = actions.apply_retention(workspace)
            if erased.terms:
                nightly.scrub_job()
        except NotErasable as error:
            raise CommandError(str(error)) from None
        except StillRead as later:
            self.stderr.write(str(later))
        self.stdout.write(f"accounts erased {erased.accounts:,}")
        if erased.failed:
            raise CommandError(f"Not erased, and tried again next night: {'; '.join(erased.failed)}.")
