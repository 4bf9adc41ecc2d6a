"""``manage.py add_person``: a login with one role, and a link to set its password."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management import shell
from accounts_review.models import ROLES
from accounts_review.workflow.people import people
from accounts_review.workflow.people.invitation import link_of


class Command(BaseCommand):
    help = "Add a person with one role and no other right. Prints a link that works once, to set a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("role", metavar="ROLE", choices=list(ROLES), help=", ".join(ROLES))
        parser.add_argument("--name", default="", help="the person's name")
        parser.add_argument("--workspace", metavar="W", help="which one, or `all`; required where there are several")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        at = now()
        try:
            change = people.add_person(
                login=options["login"],
                email=options["email"],
                name=options["name"],
                role=options["role"],
                workspace=shell.place(options["workspace"]),
                actor=shell.actor_named(options["actor"]),
                now=at,
            )
        except shell.SAID as error:
            raise CommandError(str(error)) from None
        link = link_of(change.person)
        shell.tell(change, self, now=at, link=link)
        self.stdout.write(link)
