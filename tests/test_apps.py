"""The app meets the database it is given."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def test_a_database_from_before_the_first_release_is_refused_with_what_to_do(db: None) -> None:
    MigrationRecorder(connection).record_applied("accounts_review", "0001_initial")
    with pytest.raises(CommandError, match=r"from before the first release .* Give the portal an empty one"):
        call_command("migrate", verbosity=0)


def test_connections_plan_by_statements_and_ask_a_pooler_for_no_options(db: None) -> None:
    assert "options" not in settings.DATABASES["default"]["OPTIONS"]
    with connection.cursor() as cursor:
        names = ("jit", "random_page_cost", "parallel_setup_cost")
        cursor.execute("SELECT current_setting(%s), current_setting(%s), current_setting(%s)", names)
        assert cursor.fetchone() == ("off", "1.1", "20000")


ODD = "-c datestyle=German -c standard_conforming_strings=off -c default_transaction_isolation=serializable"


def test_connections_read_and_store_alike_whatever_the_role_or_the_database_has_set(db: None) -> None:
    odd = connection.copy()
    odd.settings_dict = connection.settings_dict | {"OPTIONS": connection.settings_dict["OPTIONS"] | {"options": ODD}}
    at, content = datetime(2026, 11, 29, 8, 30, tzinfo=UTC), b"\\\x00'\xff"
    try:
        with odd.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("read committed",)
            cursor.execute("SELECT %s::timestamptz", [at])
            assert cursor.fetchone() == (at,)
            cursor.execute("CREATE TEMP TABLE piece (at timestamptz, content bytea)")
            with cursor.copy("COPY piece FROM STDIN") as copy:
                copy.write_row((at, content))
            cursor.execute("SELECT at, content FROM piece")
            assert cursor.fetchone() == (at, content)
    finally:
        odd.close()


def test_what_is_loaded_when_the_app_is_ready_is_not_looked_through_for_garbage_again() -> None:
    assert gc.get_freeze_count() > 100_000
    assert gc.isenabled()
