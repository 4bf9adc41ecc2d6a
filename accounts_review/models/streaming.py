"""Rows of a query by a cursor of the server: however many there are, few are held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from psycopg.types.string import TextLoader

CHUNK = 2000
LEFT_AS_TEXT = ("int2", "int4", "int8", "numeric", "timestamptz", "jsonb")


def stream(sql: str, given: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, given)
        yield from _fetched(cursor)


def streamed(query: QuerySet[Any, tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The rows of a ``values_list`` of names, numbers, instants and documents, each as text, or ``None``.

    A model object for each row, and a Python value for each instant, take several times as long as all else that
    becomes of the row.
    """
    try:
        sql, parameters = query.query.sql_with_params()
    except EmptyResultSet:
        return
    with connection.chunked_cursor() as cursor:
        for name in LEFT_AS_TEXT:
            cursor.adapters.register_loader(name, TextLoader)
        cursor.execute(sql, parameters)
        yield from _fetched(cursor)


def _fetched(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(CHUNK):
        yield from rows
