"""A database that was made in a locale under which searches miss people says so."""

from __future__ import annotations

import psycopg
import pytest
from django.core import checks
from django.db import connection

from cleanup_portal.database_letters import misses

pytestmark = pytest.mark.django_db(transaction=True)


def missed_under(locale: str) -> str:
    """What another database on the same server, made in a locale, says."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE letters TEMPLATE template0 {locale}")
    try:
        with psycopg.connect(**connection.get_connection_params() | {"dbname": "letters"}) as other:
            return misses(other.cursor())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE letters WITH (FORCE)")


def test_under_c_a_search_would_miss_letters_beyond_english() -> None:
    said = "To the database, “É” is not the capital of “é”: a search for one misses the other."
    assert missed_under("LOCALE_PROVIDER libc LOCALE 'C'") == said
    assert missed_under("LOCALE_PROVIDER libc LOCALE 'C.UTF-8'") == ""


def test_the_embedded_one_misses_nothing() -> None:
    assert [found for found in checks.run_checks(databases=["default"]) if "letters" in found.msg] == []
    with connection.cursor() as cursor:
        assert misses(cursor) == ""
