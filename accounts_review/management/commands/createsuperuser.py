"""``manage.py createsuperuser``: Django's own, which gives nobody the login of a program, and is in the audit."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts_review.audit.verification.actors import PROGRAMS
from accounts_review.management import shell
from accounts_review.workflow.people import people
from accounts_review.workflow.people.changes import Change


class Command(createsuperuser.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--actor", metavar="LOGIN", help="your login, of a superuser; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = shell.actor_named(options["actor"])
        if actor and not actor.is_superuser:
            raise CommandError(f"{actor.get_username()} may not do this; it takes a superuser.")
        recorded = _Recorded(actor)
        self.UserModel = recorded  # type: ignore[assignment]
        # That it is done is said once it is.
        super().handle(*args, **options | {"verbosity": 0})
        # Nobody is made one without a terminal to ask at.
        for change in recorded.changes:
            if options["verbosity"]:
                self.stdout.write("Superuser created successfully.")
            shell.tell(change, self, now=now())

    def _validate_username(self, username: str, verbose_field_name: str, database: str) -> str | None:
        if username.strip().casefold() in PROGRAMS:
            return f"The login {username} stands for a program in the audit. Choose another one."
        return super()._validate_username(username, verbose_field_name, database)  # type: ignore[misc, no-any-return]


class _Recorded:
    """The logins, as Django's command asks for them and creates one at its end: that is recorded with it.

    Nothing else is in the same transaction, as somebody may think for minutes over a prompt.
    """

    def __init__(self, actor: User | None) -> None:
        self.actor = actor
        self.changes: list[Change] = []
        self._default_manager = self

    def __getattr__(self, name: str) -> Any:
        return getattr(User, name)

    def __call__(self, **fields: Any) -> User:
        return User(**fields)

    def db_manager(self, using: str) -> _Recorded:
        return self

    def get_by_natural_key(self, username: str) -> User:
        return User.objects.get_by_natural_key(username)

    @transaction.atomic
    def create_superuser(self, username: str, **fields: Any) -> None:
        try:
            person = User.objects.create_superuser(username, **fields)
        except IntegrityError:
            said = f"The login {username} was taken meanwhile; nothing was changed. Choose another one."
            raise CommandError(said) from None
        self.changes.append(people.record_superuser(person=person, actor=self.actor, now=now()))
