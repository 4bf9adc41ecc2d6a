"""Indexes at a first load: built once the rows are stored, which takes a third of the time.

Whoever dies in between leaves indexes away; the next sync makes them.
"""

from __future__ import annotations

import structlog
from django.db import DatabaseError, connection, models

MANY = 20_000
"""From so many accounts on it pays."""
WORK_MEMORY = "256MB"
"""With less, the database writes the index to its disk many times over."""
GROWTH = 4
"""And where there will be so many times as many as there are."""

_STANDING = """
SELECT class.relname, state.indisvalid FROM pg_index state JOIN pg_class class ON class.oid = state.indexrelid
WHERE state.indrelid = %s::regclass
"""

log = structlog.get_logger(__name__)


def put_off(model: type[models.Model], *, coming: int) -> None:
    """Do without a table's indexes while so many rows are stored, where that pays and nobody is kept waiting."""
    if coming < MANY or connection.in_atomic_block or model._default_manager.count() * GROWTH > coming:
        return
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
        try:
            for index in model._meta.indexes:
                cursor.execute(f'DROP INDEX IF EXISTS "{index.name}"')
        except DatabaseError as error:
            # Somebody uses the table, or it is not ours to change: then it takes longer.
            log.info("indexes.kept", reason=str(error))
        finally:
            cursor.execute("RESET lock_timeout")


def make_missing(model: type[models.Model], *, is_new: bool = False) -> None:
    """Make a table's indexes that are not there, or were not finished, while everybody goes on.

    ``is_new``: the table was empty a moment ago, so that nobody writes to it. To look once then takes a quarter less.
    """
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [model._meta.db_table])
        valid = dict(cursor.fetchall())
    missing = [index for index in model._meta.indexes if not valid.get(index.name)]
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(f"SET maintenance_work_mem = '{WORK_MEMORY}'")
    for index in missing:
        try:
            with connection.schema_editor(atomic=False) as editor:
                if index.name in valid:
                    editor.remove_index(model, index, concurrently=True)  # type: ignore[call-arg]
                editor.add_index(model, index, concurrently=not is_new)  # type: ignore[call-arg]
        except DatabaseError as error:
            log.warning("indexes.not_made", index=index.name, reason=str(error))
    if missing:
        with connection.cursor() as cursor:
            cursor.execute("RESET maintenance_work_mem")
            # Until it knows that few are exceptional, the database looks at everyone.
            cursor.execute(f'ANALYZE "{model._meta.db_table}"')
