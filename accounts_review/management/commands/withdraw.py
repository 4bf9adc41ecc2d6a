"""``manage.py withdraw``: decide from a shell."""

from __future__ import annotations

from typing import Any

from django.utils.timezone import now

from accounts_review.management.shell import DecidingCommand, person
from accounts_review.models import Workspace
from accounts_review.workflow.review import decide


class Command(DecidingCommand):
    help = "Take accounts out of their clean-up and end their exemptions. All or nothing."

    def act(self, workspace: Workspace, **options: Any) -> None:
        accounts = self.accounts(workspace, options)
        actor = person(options["actor"])
        decide.withdraw(accounts=accounts, actor=actor, reason=options["reason"], now=now())
        self.stdout.write(f"withdrawn {len(accounts):,}")
