"""The app's registration with Django."""

from __future__ import annotations

import gc
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import pre_migrate

OF_CONNECTIONS = {
    # Compiling a query takes longer here than it ever saves, and no disk today is four times slower out of order.
    "jit": "off",
    "random_page_cost": "1.1",
    # To start two more processes for a query takes 40 ms, which a page of a million accounts never wins back; what goes
    # through most of them does, as a sync.
    "parallel_setup_cost": "20000",
    # Instants are read as text.
    "datestyle": "ISO",
    # Otherwise psycopg doubles the backslash before bytes in a COPY, which then are stored as other bytes.
    "standard_conforming_strings": "on",
    # Of two who change the same row, the second waits for the first, then looks again.
    "default_transaction_isolation": "'read committed'",
}


class AccountsReviewConfig(AppConfig):
    name = "accounts_review"
    verbose_name = "Accounts review"

    def ready(self) -> None:
        from accounts_review.audit import checkpoint
        from accounts_review.audit.verification import system_checks
        from accounts_review.web.signin import recorded, second_factor
        from accounts_review.web.signin.sso import proof
        from cleanup_portal import database_letters

        system_checks.register()
        database_letters.register()
        checkpoint.keeper = checkpoint.Keeper(settings.DATA_DIR)
        pre_migrate.connect(refuse_an_early_database, sender=self)
        connection_created.connect(begin_as_here)
        connection_created.connect(read_instants)
        recorded.connect()
        second_factor.connect()
        proof.connect()
        # What is loaded stays: to look through it again at the end took a third of a short command's time.
        gc.freeze()
        # A page makes thousands of objects and a sync millions, and nearly all go by themselves: looking for the others
        # after each 700 took a tenth of a first sync's time, and a twelfth of a page's.
        gc.set_threshold(10_000)
        gc.enable()


def refuse_an_early_database(*, using: str, **kwargs: Any) -> None:
    """Say what to do with a database from before the first release, whose migrations were made anew.

    Raises ``CommandError`` before anything is changed.
    """
    if ("accounts_review", "0001_initial") in MigrationRecorder(connections[using]).applied_migrations():
        raise CommandError(
            "This database was made by a version from before the first release and cannot be taken over. "
            "Give the portal an empty one (a new DATABASE_URL, or another DATA_DIR for the embedded database; "
            "`make demo-reset` for the demo), then sync again. Nothing was changed."
        )


def begin_as_here(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Set what the code rests on, whatever the database, the role or the shell has set.

    As a statement, because poolers refuse it as an option of the connection.
    """
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET {name} = {value}" for name, value in OF_CONNECTIONS.items()))


def read_instants(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Read the instants of a connection quicker than Django does."""
    from accounts_review.models.instants import InstantLoader

    connection.connection.adapters.register_loader("timestamptz", InstantLoader)
