"""``manage.py deactivate``: end a person's access, at once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management import shell
from accounts_review.workflow.people import people, reach


class Command(BaseCommand):
    help = "End a person's access at once: every role, session and link. --workspace W ends the role in that one only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("--workspace", metavar="W", help="end the role in this one only; default: all")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        at, person = now(), shell.person(options["login"])
        try:
            actor = shell.actor_named(options["actor"])
            workspace = shell.place(shell.ALL if options["workspace"] is None else options["workspace"])
            if workspace is None:
                change = people.deactivate(person=person, actor=actor, now=at)
            else:
                change = people.grant(person=person, role=reach.NONE, workspace=workspace, actor=actor, now=at)
        except shell.SAID as error:
            raise CommandError(str(error)) from None
        shell.tell(change, self, now=at)
        what = f"has no role in {workspace} any more" if workspace else "is deactivated"
        self.stdout.write(f"{person.username} {what}; before: {change.before}")
