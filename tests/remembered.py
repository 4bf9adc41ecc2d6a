"""What tests set up alike is done once: later, what it left in the database is put there in a twentieth of the time.

It is remembered together with all that the database held before. Where that differs by a single value, because a test
has written something first, it is done anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from hashlib import sha256

from django.db import connection

from accounts_review.audit import checkpoint

Rows = Mapping[str, list[str]]
"""The rows of each table that has any; a row is one text, as PostgreSQL writes and reads it."""
FROM_THE_CODE = {"django_content_type", "auth_permission"}
"""Tables that say what the code says, whoever uses the portal."""
Files = dict[str, tuple[int, bytes]]
"""Mode and content of each file that a host keeps beside the database, where it keeps any."""
_left: dict[bytes, tuple[Rows, Files]] = {}
_seen: set[frozenset[str]] = set()
"""Tables beside which, as was seen once, nothing changes."""


def remembered(what: str, act: Callable[[], object], *, among: Collection[str] = ()) -> bool:
    """Do something to the database, or have there what it left when the same was done to the same; tells which.

    ``among`` are the tables that it looks at or changes; by default, all. To look through a few is cheaper.
    """
    tables = sorted(among) or _tables()
    before = _rows(tables)
    key = sha256(repr((what, before, checkpoint.keeper is None, _files())).encode()).digest()
    if key in _left:
        rows, files = _left[key]
        _put(rows, before)
        _write(files)
        return True
    others = [] if frozenset(among) in _seen else [name for name in _tables() if name not in tables]
    beside = _rows(others)
    act()
    assert _rows(others) == beside, f"{what} changes more tables than it says"
    _seen.add(frozenset(among))
    _left[key] = _rows(tables), _files()
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


def _rows(tables: Collection[str]) -> Rows:
    if not tables:
        return {}
    asked = (f"SELECT '{name}', array_agg(kept::text) FROM {name} kept HAVING count(*) > 0" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return dict(cursor.fetchall())


def _files() -> Files:
    paths = checkpoint.keeper.folder.glob("*") if checkpoint.keeper else ()
    return {path.name: (path.stat().st_mode, path.read_bytes()) for path in paths if path.is_file()}


def _write(files: Files) -> None:
    for name, (mode, content) in files.items():
        assert checkpoint.keeper
        path = checkpoint.keeper.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)


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
