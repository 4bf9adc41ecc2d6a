"""Indexes at a first load: built once the rows are stored, which takes a third of the time.

Whoever dies in between leaves indexes away; the next sync makes them, or whoever judges next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from zlib import crc32

import structlog
from django.db import DatabaseError, OperationalError, connection, models, transaction

from accounts_review.models.alone import alone

MANY = 20_000
"""From so many accounts on it pays."""
WORK_MEMORY = "256MB"
"""With less, the database writes the index to its disk many times over."""
PATIENCE = "2s"
"""How long to wait for who uses a table in another way; everybody who comes after would wait behind."""
GROWTH = 4
"""And where there will be so many times as many as there are."""
LARGE = 500_000
"""The bytes from which on it matters whether the database knows what is in a table."""

_STANDING = """
SELECT class.relname, state.indisvalid FROM pg_index state JOIN pg_class class ON class.oid = state.indexrelid
WHERE state.indrelid = %s::regclass
"""

# Nothing is known yet: neither were indexes made of the rows, nor were they looked through.
_UNKNOWN = "SELECT reltuples < 0 AND pg_relation_size(oid) >= %s FROM pg_class WHERE oid = %s::regclass"

log = structlog.get_logger(__name__)


def put_off(model: type[models.Model], *, coming: int) -> None:
    """Do without a table's indexes while so many rows are stored, where that pays and nobody is kept waiting.

    An empty table does without those that keep rows unique as well: see :func:`keeping_unique`.
    """
    if coming < MANY or connection.in_atomic_block or (stored := model._default_manager.count()) * GROWTH > coming:
        return
    unique = [] if stored else _unique(model)
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE}'")
        try:
            for index in [*model._meta.indexes, *unique]:
                cursor.execute(f'DROP INDEX IF EXISTS "{index.name}"')
        except DatabaseError as error:
            # Somebody uses the table, or it is not ours to change: then it takes longer.
            log.info("indexes.kept", reason=str(error))
        finally:
            cursor.execute("RESET lock_timeout")


@contextmanager
def keeping_unique(model: type[models.Model]) -> Iterator[None]:
    """Where an index that keeps the rows of a table unique is missing, make it once the rows of a block are stored.

    Both happen in the caller's transaction, so that nothing is ever seen that it does not hold for; meanwhile nobody
    else writes to the table. Made so, it takes a third of what it takes row by row.
    """
    missing = [each for each in _unique(model) if each.name not in _standing(model)]
    with connection.cursor() as cursor:
        if missing:
            # At once: two that write already would wait for each other.
            cursor.execute(f'LOCK TABLE "{model._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')
            missing = [each for each in missing if each.name not in _standing(model)]
        yield
        if missing:
            cursor.execute(f"SET LOCAL maintenance_work_mem = '{WORK_MEMORY}'")
            for constraint in missing:
                with connection.schema_editor(atomic=False) as editor:
                    editor.add_constraint(model, constraint)


def make_missing(*tables: type[models.Model], is_new: bool = False) -> None:
    """Make the indexes of tables that are not there, or were not finished, while everybody goes on.

    ``is_new``: they were empty a moment ago, so that nobody writes to them. To look once then takes a quarter less.
    """
    if connection.in_atomic_block:
        return
    for model in tables:
        if not _missing(model):
            if is_new:
                _get_known(model)
            continue
        # Two who make those of one table would wait for each other: the other makes them.
        with alone(*lock_of(model)) as is_alone:
            if is_alone and (missing := _missing(model)):
                _make(model, missing, is_new=is_new)


def lock_of(model: type[models.Model]) -> tuple[int, int]:
    """The key of the lock that whoever makes indexes of a table holds."""
    return 0x696E6478, crc32(model._meta.db_table.encode()) >> 1


def _missing(model: type[models.Model]) -> list[models.Index]:
    standing = _standing(model)
    return [index for index in model._meta.indexes if not standing.get(index.name)]


def _make(model: type[models.Model], missing: Iterable[models.Index], *, is_new: bool) -> None:
    standing = _standing(model)
    with connection.cursor() as cursor:
        cursor.execute(f"SET maintenance_work_mem = '{WORK_MEMORY}'")
        for index in missing:
            try:
                with connection.schema_editor(atomic=False) as editor:
                    if index.name in standing:
                        editor.remove_index(model, index, concurrently=True)  # type: ignore[call-arg]
                    editor.add_index(model, index, concurrently=not is_new)  # type: ignore[call-arg]
            except DatabaseError as error:
                log.warning("indexes.not_made", index=index.name, reason=str(error))
        cursor.execute("RESET maintenance_work_mem")
    look_through(model)


def look_through(*tables: type[models.Model]) -> None:
    """Have the database look through tables, so that it knows what is in them, and plans anew what it planned before.

    Otherwise it does so within a minute. Until then it looks at everyone, not knowing that few are exceptional; and of
    a table that was small when a page was first asked for, it reads all rows for each account. Where somebody keeps a
    table for long, as who makes an index does, it stays as it was.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            cursor.execute("ANALYZE " + ", ".join(f'"{model._meta.db_table}"' for model in tables))
    except OperationalError as error:
        log.info("tables.not_looked_through", reason=str(error))


def _get_known(model: type[models.Model]) -> None:
    """Have the database look through a table that was filled with its indexes, a minute before it would by itself."""
    with connection.cursor() as cursor:
        cursor.execute(_UNKNOWN, [LARGE, model._meta.db_table])
        if cursor.fetchone() == (True,):
            look_through(model)


def _standing(model: type[models.Model]) -> dict[str, bool]:
    """The indexes of a table that are there, and whether each was finished."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [model._meta.db_table])
        return dict(cursor.fetchall())


def _unique(model: type[models.Model]) -> list[models.UniqueConstraint]:
    """What keeps rows unique by an index alone: of expressions, as others are constraints of the table as well."""
    constraints = model._meta.constraints
    return [each for each in constraints if isinstance(each, models.UniqueConstraint) and each.contains_expressions]
