"""Instants as the database writes them, read by Python's own parser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import BaseTzLoader


class InstantLoader(BaseTzLoader):  # type: ignore[misc]
    """Reads what Django's own reads, in 1.4 in place of 4.3 us: a page has 200, and an export several a row."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        try:
            return datetime.fromisoformat(str(data, "ascii"))
        except ValueError:
            # As strange as ``infinity``: psycopg says what is wrong with it.
            found: datetime = super().load(data)
            return found
