"""What tests set up alike is done once: later, what it left in the database is put there in a twentieth of the time.

It is remembered together with all that the database held before. Where that differs by a single value, because a test
has written something first, it is done anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256

from django.db import connection

from accounts_review.audit import checkpoint

Rows = Mapping[str, list[str]]
"""The rows of each table that has any; a row is one text, as PostgreSQL writes and reads it."""
FROM_THE_CODE = {"django_content_type", "auth_permission"}
"""Tables that say what the code says, whoever uses the portal."""
_left: dict[bytes, Rows] = {}


def remembered(what: str, act: Callable[[], object]) -> bool:
    """Do something to the database, or have there what it left when the same was done to the same; tells which."""
    if checkpoint.keeper:
        # It writes beside the database as well.
        act()
        return False
    before = _rows()
    key = sha256(repr((what, before)).encode()).digest()
    if key in _left:
        _put(_left[key], before)
        return True
    act()
    _left[key] = _rows()
    return False


def empty() -> None:
    """Remove all rows, also those of the audit, which its triggers refuse otherwise."""
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in _tables())
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        _put({}, {name: [] for (name,) in cursor.fetchall()})


@cache
def _tables() -> list[str]:
    return sorted(set(connection.introspection.django_table_names()) - FROM_THE_CODE)


def _rows() -> Rows:
    asked = (f"SELECT '{name}', array_agg(kept::text) FROM {name} kept HAVING count(*) > 0" for name in _tables())
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return dict(cursor.fetchall())


def _put(rows: Rows, before: Rows) -> None:
    """Have the database hold these rows, and no others; no trigger fires."""
    changed = [name for name in sorted({*rows, *before}) if rows.get(name) != before.get(name)]
    filled = [name for name in changed if name in rows]
    steps = [f"DELETE FROM {name}" for name in changed if name in before]
    steps += [
        f"INSERT INTO {name} SELECT (kept).* FROM (SELECT one::{name} kept FROM unnest(%s::text[]) one OFFSET 0) rows"
        for name in filled
    ]
    without_triggers = ["SET session_replication_role = replica", *steps, "SET session_replication_role = DEFAULT"]
    with connection.cursor() as cursor:
        cursor.execute("; ".join(without_triggers), [rows[name] for name in filled])
