"""``manage.py exempt``: keep accounts out of every clean-up until a date."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import DecidingCommand, instant, person
from accounts_review.models import Workspace
from accounts_review.workflow.review import decide


class Command(DecidingCommand):
    help = "Keep accounts out of every clean-up until a date. All or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--until", metavar="DATE", required=True, help="when the exemption ends")
        parser.add_argument("--owner", metavar="EMAIL", default="", help="e-mailed before the exemption ends")
        parser.add_argument("--service-account", action="store_true", help="a script or robot; needs --owner")

    def act(self, workspace: Workspace, **options: Any) -> None:
        accounts = self.accounts(workspace, options)
        until = instant(options["until"])
        decide.exempt(
            accounts=accounts,
            actor=person(options["actor"]),
            reason=options["reason"],
            until=until,
            now=now(),
            owner_email=options["owner"],
            is_service_account=options["service_account"],
        )
        self.stdout.write(f"exempted {len(accounts):,} until {until.isoformat()}")
