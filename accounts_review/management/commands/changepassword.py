"""``manage.py changepassword``: Django's own, which is in the audit, and which the person is told of."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts_review.management import shell
from accounts_review.workflow.people import people

TRIES = 3


class Command(changepassword.Command):
    help = "Give a person another password. They and all administrators are told."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> str:
        actor = shell.actor_named(options["actor"])
        login = options["username"] or getpass.getuser()
        person = User.objects.filter(username=login).first()
        if person is None:
            raise CommandError(f"user '{login}' does not exist")
        self.stdout.write(f"Changing password for user '{person}'")
        password = self._typed(person)
        at = now()
        # Nothing is open while somebody types, and of what others changed meanwhile nothing is undone.
        with transaction.atomic():
            person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
            person.set_password(password)
            person.save(update_fields=["password"])
            try:
                change = people.record_password(person=person, actor=actor, now=at)
            except shell.SAID as error:
                raise CommandError(str(error)) from None
        shell.tell(change, self, now=at)
        return f"Password changed successfully for user '{person}'"

    def _typed(self, person: User) -> str:
        for _ in range(TRIES):
            password: str = self._get_pass()  # type: ignore[attr-defined]
            if password != self._get_pass("Password (again): "):  # type: ignore[attr-defined]
                self.stdout.write("Passwords do not match. Please try again.")
                continue
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.stderr.write("\n".join(error.messages))
            else:
                return password
        raise CommandError(f"Aborting password change for user '{person}' after {TRIES} attempts")
