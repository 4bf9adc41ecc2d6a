"""``manage.py migrate``: Django's own, one process at a time, so that several may start together."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from cleanup_portal import database_roles, database_version

_LOCK = 0x6D696772617465  # any constant that nothing else in the database uses


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, once whoever migrates now has ended; the database frees the lock by itself if we die."""
        alias = options["database"]
        if said := database_version.newer(alias) or database_version.cut_off(alias):
            raise CommandError(said)
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            super().handle(*args, **options)
            # Whoever restores a backup migrates before anything starts.
            if said := database_version.cut_off(alias):
                raise CommandError(said)
            if settings.HAS_OWNER_ROLE:
                _grant(alias)
        finally:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _grant(alias: str) -> None:
    """Give the running role what it needs and no more; make it where it is not there and its password is known."""
    role, password = settings.RUNNING_ROLE
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        [is_known] = cursor.fetchone()
        if password and (not is_known or settings.DERIVES_PASSWORD):
            cursor.execute(database_roles.login(role=role, password=password, is_known=is_known))
        cursor.execute(database_roles.grants(role=role))
