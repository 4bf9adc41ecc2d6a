"""``manage.py migrate``: Django's own, one process at a time, so that several may start together."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

_LOCK = 0x6D696772617465  # any constant that nothing else in the database uses


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, once whoever migrates now has ended; the database frees the lock by itself if we die."""
        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            super().handle(*args, **options)
        finally:
            with connections[options["database"]].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
