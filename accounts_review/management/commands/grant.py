"""``manage.py grant``: give a person one of the four roles, or take it away."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management import shell
from accounts_review.models import Workspace
from accounts_review.workflow.people import people, reach


class Command(BaseCommand):
    help = "Give a person one of the four roles in a workspace or in all of them, instead of the one they had there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("role", metavar="ROLE", choices=reach.RANKS, help=", ".join(reach.RANKS))
        parser.add_argument("--workspace", metavar="W", help="which one, or `all`; required where there are several")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")
        parser.add_argument(
            "--instead-of-superuser", action="store_true", help="LOGIN is no longer a superuser, and gets the role"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        at, person = now(), shell.person(options["login"])
        try:
            change = people.grant(
                person=person,
                role=options["role"],
                workspace=_place(options["workspace"], person),
                actor=shell.actor_named(options["actor"]),
                instead_of_superuser=options["instead_of_superuser"],
                now=at,
            )
        except shell.SAID as error:
            raise CommandError(str(error)) from None
        shell.tell(change, self, now=at)
        where = change.workspace or "the whole portal"
        self.stdout.write(f"{change.person.username} is now {change.role} in {where}; before: {change.before}")


def _place(name: str | None, person: User) -> Workspace | None:
    """Where nothing is said of it, a role for the whole portal is replaced by another one."""
    is_of_portal = name is None and reach.role_in(person, None) != reach.NONE
    return shell.place(shell.ALL if is_of_portal else name)
