"""``manage.py database_roles``: the SQL that gives the portal two roles in its database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from psycopg.sql import SQL, Identifier

from cleanup_portal import database_roles
from cleanup_portal.settings import OWNER_ROLE


class Command(BaseCommand):
    help = """Print the SQL for two database roles: an owner that migrates (DATABASE_OWNER_URL), and the one that runs
        the portal, which can only read and add to the audit. A superuser of the database runs it once, with passwords
        filled in; `migrate` then keeps the rights up to date."""

    def handle(self, *args: Any, **options: Any) -> None:
        settings = connection.settings_dict
        if "embedded" in settings["ENGINE"]:
            raise CommandError(
                "The embedded database has one role; its checkpoints are the proof. Two roles need DATABASE_URL."
            )
        role, database = str(settings["USER"]), str(settings["NAME"])
        owner = OWNER_ROLE or f"{role}_owner"
        self.stdout.write(database_roles.creation(owner=owner, role=role, database=database).as_string())
        self.stdout.write(SQL("SET ROLE {};").format(Identifier(owner)).as_string())
        self.stdout.write(database_roles.grants(role=role).as_string())
        self.stderr.write(
            f"Then set DATABASE_OWNER_URL=postgres://{owner}:PASSWORD@HOST/{database} where `manage.py migrate` runs."
        )
