"""Instants as they come from the database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-27 06:00:00+00", datetime(2026, 11, 27, 6, tzinfo=UTC)),
        ("2026-11-27 06:00:00.5+00", datetime(2026, 11, 27, 6, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-27 06:00:00.000001+02", datetime(2026, 11, 27, 4, 0, 0, 1, tzinfo=UTC)),
        ("0001-01-01 00:00:00+00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31 23:59:59.999999+00", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(db: None, written: str, meant: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [written])
        (found,) = cursor.fetchone()
    assert found == meant
    assert found.tzinfo is UTC


@pytest.mark.parametrize("written", ["infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00:00+00 BC"])
def test_what_is_no_instant_here_is_refused(db: None, written: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [written])
        with pytest.raises(DataError):
            cursor.fetchone()
