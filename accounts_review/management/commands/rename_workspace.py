"""``manage.py rename_workspace``: give a workspace another name in the portal."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import person
from accounts_review.models import Workspace
from accounts_review.workflow.identity import NotTheSame, rename


class Command(BaseCommand):
    help = "Rename a workspace in the portal. Then set HUWISE_WORKSPACE to the new name and restart the portal."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old", metavar="OLD")
        parser.add_argument("new", metavar="NEW")
        parser.add_argument("--actor", metavar="LOGIN", required=True, help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(name=options["old"]).first()
        if workspace is None:
            names = ", ".join(Workspace.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no workspace {options['old']!r}; known: {names}.")
        try:
            rename(workspace=workspace, name=options["new"], actor=person(options["actor"]), now=now())
        except (NotTheSame, PermissionDenied) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['old']} is now {workspace}; set HUWISE_WORKSPACE={workspace}")
