"""``manage.py reset_factors``: remove lost second factors, so that their owner can set up new ones."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.management.shell import person
from accounts_review.models.role import denied
from accounts_review.workflow.people.reach import may_change


class Command(BaseCommand):
    help = "Remove the second factors that a person has lost, and end their sessions. All administrators are told."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("--actor", metavar="LOGIN", required=True, help="your login; recorded in the audit")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user, actor = person(options["login"]), person(options["actor"])
        if not may_change(actor, user):
            raise CommandError(str(denied(actor, "administer")))
        count, _deleted = Authenticator.objects.filter(user=user).delete()
        if not count:
            raise CommandError(f"{user.get_username()} has no second factor; nothing was changed.")
        for session in UserSession.objects.filter(user=user):
            session.end()
        data = {"login": user.get_username(), "kind": "lost"}
        kind, login = Event.SIGNIN_FACTOR_REMOVED, actor.get_username()
        audit.log(audit.everywhere(), kind=kind, actor=login, now=now(), data=data)
        self.stdout.write(f"{user.get_username()} has no second factor now and sets one up at the next sign-in")
