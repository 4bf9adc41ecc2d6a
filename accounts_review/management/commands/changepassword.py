"""``manage.py changepassword``: Django's own, which is in the audit, and which the person is told of."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts_review.management import shell
from accounts_review.workflow.people import people


class Command(changepassword.Command):
    help = "Give a person another password. They and all administrators are told."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> str:
        at, actor = now(), shell.actor_named(options["actor"])
        login = options["username"] or getpass.getuser()
        with transaction.atomic():
            said = str(super().handle(*args, **options))
            try:
                change = people.record_password(person=User.objects.get(username=login), actor=actor, now=at)
            except shell.SAID as error:
                raise CommandError(str(error)) from None
        shell.tell(change, self, now=at)
        return said
