"""Very many new rows: by COPY, for which the database and Python together take a quarter of what an INSERT takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from django.db import connection, models
from django.db.models.base import ModelState

from accounts_review.rules.names import is_shared

PORTION = 2000
Row = TypeVar("Row", bound=models.Model)


def copy_in(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one table, each with its key. No signal is sent, and no default is left to the database."""
    if not rows:
        return
    model = type(rows[0])
    if keyless := [row for row in rows if row.pk is None]:
        for row, key in zip(keyless, new_keys(model, len(keyless)), strict=True):
            row.pk = key
    fields = model._meta.concrete_fields
    read = attrgetter(*(field.attname for field in fields))
    documents = [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
    copy_rows(model, (_with_text(read(row), documents) for row in rows))


def copy_rows(model: type[models.Model], rows: Iterable[Sequence[Any]]) -> None:
    """The same, of bare rows: the values of all columns in the order of the model's fields, JSON as text."""
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN', rows)


def copy(statement: str, rows: Iterable[Sequence[Any]]) -> int:
    """Write bare rows by a COPY; returns how many there were.

    The database stores the first while the next are made, so what makes them must not ask anything of the connection:
    raises ``RuntimeError`` where it does, as it would wait for ever.
    """
    count = 0
    # Django tells the errors of a COPY as its own only where it is asked to.
    errors, alone = connection.wrap_database_errors, connection.execute_wrapper(_refuse)
    with errors, connection.cursor() as cursor, cursor.copy(statement) as into, alone:
        for count, row in enumerate(rows, 1):  # noqa: B007
            into.write_row(row)
    return count


def _refuse(execute: object, sql: str, *given: object) -> None:
    raise RuntimeError(f"while rows are copied, the connection cannot be asked: {sql}")


def copy_in_portions(statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """The same, of rows that come from the same connection."""
    remaining = iter(rows)
    while portion := list(islice(remaining, PORTION)):
        copy(statement, portion)


def new_keys(model: type[models.Model], count: int) -> list[int]:
    """So many keys for rows that are about to be inserted."""
    with connection.cursor() as cursor:
        # To look the sequence up for each takes ten times as long.
        cursor.execute(
            "SELECT nextval(known.name) FROM generate_series(1, %s),"
            " (SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0) AS known",
            [count, model._meta.db_table, model._meta.pk.column],
        )
        return [key for (key,) in cursor.fetchall()]


def alike(one: Row, related: Mapping[str, models.Model] = MappingProxyType({}), /, **columns: Any) -> Row:
    """A row like another, but for these columns and what it is related to; to make it anew takes ten times as long.

    A key is a column, beside what it leads to: ``alike(case, {"account": account}, account_id=account.pk)``.
    """
    row = type(one).__new__(type(one))
    row.__dict__ = {**one.__dict__, **columns, "_state": ModelState()}
    row._state.__dict__ = {**one._state.__dict__, "fields_cache": {**one._state.fields_cache, **related}}
    return row


def as_read(model: type[Row], columns: Sequence[str]) -> Row:
    """A row of which only these columns were read, for others to be :func:`alike`."""
    return model.from_db(connection.alias, columns, [None] * len(columns))


def array_of(names: tuple[str, ...]) -> str:
    """Names as PostgreSQL writes an array of texts; many accounts have none, or the same."""
    if not names:
        return "{}"
    return _known_array(names) if is_shared(names) else _array(names)


def _array(names: tuple[str, ...]) -> str:
    quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in quoted) + "}"


_known_array = lru_cache(maxsize=1024)(_array)


def _with_text(values: tuple[Any, ...], documents: Iterable[int]) -> list[Any]:
    row = list(values)
    for place in documents:
        if row[place] is not None:
            row[place] = _json(row[place])
    return row


def _json(document: Any) -> str:
    try:
        return msgspec.json.encode(document).decode()
    except TypeError:  # It takes nothing but plain types.
        return json.dumps(document)
