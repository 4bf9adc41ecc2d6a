"""``manage.py access_report``: what is held about one person, as they may ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.audit.events import Event
from accounts_review.management.shell import WorkspaceCommand, actor_named
from accounts_review.management.taken import take
from accounts_review.models import Workspace
from accounts_review.workflow.retention.erase import incarnations
from accounts_review.workflow.retention.held import access_report


class Command(WorkspaceCommand):
    help = "Write everything that is held about one person as JSON: to a file, or to standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor, accounts = actor_named(options["actor"]), incarnations(workspace, options["username"])
        if not accounts:
            raise CommandError(f"{options['username']}: no account of {workspace} has this username.")
        text = access_report(accounts, now=now())
        take([text.encode()], self, into=options["output"], about=accounts, kind=Event.PERSON_REPORTED, actor=actor)
