"""``manage.py grant``: give a person one of the four roles."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.management.shell import person
from accounts_review.models import ROLES, Workspace


class Command(BaseCommand):
    help = "Give a person one of the four roles; replaces their previous role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="LOGIN")
        parser.add_argument("role", choices=sorted(ROLES))

    def handle(self, *args: Any, **options: Any) -> None:
        user = person(options["login"])
        user.groups.remove(*Group.objects.filter(name__in=ROLES))
        user.groups.add(Group.objects.get(name=options["role"]))
        data = {"login": user.get_username(), "role": options["role"]}
        audit.log(list(Workspace.objects.all()), kind=Event.ROLE_GRANTED, actor="shell", now=now(), data=data)
        self.stdout.write(f"{user.get_username()} is now {options['role']}")
