"""``manage.py createsuperuser``: Django's own, which gives nobody the login of a program, and is in the audit."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts_review.audit.verification.actors import PROGRAMS
from accounts_review.management import shell
from accounts_review.workflow.people import people


class Command(createsuperuser.Command):
    _login = ""
    """Who is being made a superuser."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--actor", metavar="LOGIN", help="your login, of a superuser; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = shell.actor_named(options["actor"])
        if actor and not actor.is_superuser:
            raise CommandError(f"{actor.get_username()} may not do this; it takes a superuser.")
        with transaction.atomic():
            # That it is done is said once it is.
            super().handle(*args, **options | {"verbosity": 0})
            at = now()
            # Others may have become one meanwhile, by somebody else.
            made = User.objects.filter(is_superuser=True, username=self._login)
            changes = [people.record_superuser(person=person, actor=actor, now=at) for person in made]
        for change in changes:
            if options["verbosity"]:
                self.stdout.write("Superuser created successfully.")
            shell.tell(change, self, now=at)

    def _validate_username(self, username: str, verbose_field_name: str, database: str) -> str | None:
        if username.strip().casefold() in PROGRAMS:
            return f"The login {username} stands for a program in the audit. Choose another one."
        refusal: str | None = super()._validate_username(username, verbose_field_name, database)  # type: ignore[misc]
        # That of somebody else is refused.
        self._login = "" if refusal else User.normalize_username(username)
        return refusal
