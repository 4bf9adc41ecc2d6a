"""``manage.py check --database default``: whether the database knows which letters are the same but for their case.

It knows it by the locale in which it was made, for good (docs/settings.md, "A PostgreSQL of your own").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError, connections

PAIRS = (("é", "É"), ("i", "I"), ("ж", "Ж"))
"""Under the locale ``C`` letters beyond English have no capitals, and in Turkish that of *i* is another."""
_STRANGE = """
SELECT small, capital FROM unnest(%s::text[], %s::text[]) pair (small, capital)
WHERE upper(small) <> capital OR lower(capital) <> small LIMIT 1
"""
HINT = "Restore a backup into a database with another locale; see docs/settings.md."


def register() -> None:
    """Have Django ask, wherever it checks the database; ``migrate`` does."""
    checks.register(_check_letters, checks.Tags.database)


def misses(cursor: Any) -> str:
    """What a search in the database would not find; "" where it finds all."""
    cursor.execute(_STRANGE, [list(letters) for letters in zip(*PAIRS, strict=True)])
    if not (row := cursor.fetchone()):
        return ""
    small, capital = row
    return f"To the database, “{capital}” is not the capital of “{small}”: a search for one misses the other."


def _check_letters(
    app_configs: Any = None, *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    try:
        cursors = [connections[alias].cursor() for alias in databases or ()]
        return [checks.Warning(said, hint=HINT, id="database.W001") for cursor in cursors if (said := misses(cursor))]
    except DatabaseError as error:
        return [checks.Warning(f"The letters of the database could not be looked at: {error}", id="database.W002")]
