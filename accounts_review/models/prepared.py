"""Querysets that are put into SQL once, for whoever asks the same again and again.

Django builds and compiles a query anew each time, which takes several times as long as the database takes to answer it.
Every page asks a handful of questions of which only a few values change, and every e-mail asks one. The database keeps
each of them as a prepared statement, too: planning the seven of a review page took 5 of its 8 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import count
from threading import RLock
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.utils import CursorWrapper
from psycopg.abc import Params
from psycopg.sql import Literal

from accounts_review.models.keys import as_array

_STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: -7_000_000 - number,
    list: lambda number: [-7_000_000 - number],
    str: lambda number: f"stand-in {number}",
    date: lambda number: date(1, 3, 1 + number),
    datetime: lambda number: datetime(1, 2, 1 + number, 3, 4, 5, 678, tzinfo=UTC),
}

_CASTS: dict[type, str] = {int: "bigint", list: "bigint[]", str: "text", date: "date", datetime: "timestamptz"}

_PLACES = (int, str, date, datetime)
_COMPILING = RLock()
"""A compiler takes notes on its query as it writes, and threads share it."""


class Prepared:
    """A queryset with a place for each of some values, which are named with their types.

    ``build`` is given a stand-in for each, and must pass it on to a condition or an expression as it is::

        mine = Prepared(lambda person: Role.objects.filter(person=person), person=int)
        mine.objects(person=user.pk)

    A ``list`` of keys goes into :class:`~accounts_review.models.keys.Among`.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]], **types: type) -> None:
        self.build = build
        numbers = count()
        self.given = {name: _STAND_INS[type_](next(numbers)) for name, type_ in types.items()}
        self.stand_ins = {_as_parameter(stand_in): name for name, stand_in in self.given.items()}
        self.casts = {name: _CASTS[type_] for name, type_ in types.items()}

    def objects(self, **values: Any) -> list[Any]:
        """Its models, with what they are annotated with and what is selected along."""
        rows = self.rows(**values)
        # What Django made of the query says how models are made of rows; another thread may be at it as well.
        compiler, query = copy(self._compiler), copy(self._queryset.query)
        compiler.connection = connection
        compiler.execute_sql = lambda *args, **kwargs: [rows]
        query.get_compiler = lambda *args, **kwargs: compiler
        return list(models.QuerySet(self._queryset.model, query))

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """What it lists by ``values_list``, as the database has it."""
        with preparing_cursor() as cursor:
            cursor.execute(self.sql, {name: _as_parameter(values[name]) for name in self.given})
            return list(cursor.fetchall())

    @cached_property
    def _queryset(self) -> Any:
        return self.build(**self.given)

    @cached_property
    def _compiler(self) -> Any:
        return self._queryset.query.get_compiler(self._queryset.db)

    @cached_property
    def sql(self) -> str:
        """Its SQL with ``%(name)s`` for each value, also to be asked within a statement that is made anyway."""
        with _COMPILING:
            text, places = self._compiler.as_sql()
        named = [self.stand_ins.get(place) if isinstance(place, _PLACES) else None for place in places]
        missing = self.given.keys() - set(named)
        assert not missing, missing
        written = (
            f"%({name})s::{self.casts[name]}" if name else _literal(place)
            for name, place in zip(named, places, strict=True)
        )
        return str(text.replace("%%", "%%%%") % tuple(written))


class _PreparingCursor(psycopg.Cursor[Any]):
    """Has the database keep each statement: it is parsed and planned once a connection."""

    def execute(self, query: Any, params: Params | None = None, **how: Any) -> _PreparingCursor:
        return super().execute(query, params, **how | {"prepare": True})


def _literal(value: Any) -> str:
    """A constant as it stands in SQL that has places."""
    connection.ensure_connection()
    return Literal(value).as_string(connection.connection).replace("%", "%%")


def preparing_cursor() -> CursorWrapper:
    """A cursor whose statements the database keeps: for what is said again and again."""
    here: Any = connections[DEFAULT_DB_ALIAS]
    # Where statements are noted down, they are written with their values.
    if here.queries_logged:
        return connection.cursor()
    # As Django does for a cursor of its own, which would only be thrown away.
    here.close_if_health_check_failed()
    here.ensure_connection()
    here.validate_thread_sharing()
    cursor: CursorWrapper = here.make_cursor(_PreparingCursor(here.connection))
    return cursor


def _as_parameter(value: Any) -> Any:
    return as_array(value) if isinstance(value, list) else value
