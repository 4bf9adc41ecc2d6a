"""Querysets that are put into SQL once, for whoever asks the same again and again.

Django builds and compiles a query anew each time, which takes several times as long as the database takes to answer it.
Every page asks a handful of questions of which only a few values change, and every e-mail asks one.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import count
from threading import RLock
from typing import Any

from django.db import connection, connections, models

from accounts_review.models.keys import as_array

_STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: -7_000_000 - number,
    list: lambda number: [-7_000_000 - number],
    str: lambda number: f"stand-in {number}",
    date: lambda number: date(1, 3, 1 + number),
    datetime: lambda number: datetime(1, 2, 1 + number, 3, 4, 5, 678, tzinfo=UTC),
}

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

    def objects(self, **values: Any) -> list[Any]:
        """Its models, with what they are annotated with and what is selected along."""
        sql, _places = self._compiled
        filled = sql, self._filled(values)
        # What Django made of the query is asked for once more, by this thread's connection and with other values.
        compiler, query = copy(self._compiler), copy(self._queryset.query)
        compiler.connection = connections[self._queryset.db]
        compiler.as_sql = lambda *args, **kwargs: filled
        query.get_compiler = lambda *args, **kwargs: compiler
        return list(models.QuerySet(self._queryset.model, query))

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """What it lists by ``values_list``, as the database has it."""
        sql, _places = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(sql, self._filled(values))
            return list(cursor.fetchall())

    def _filled(self, values: dict[str, Any]) -> list[Any]:
        _sql, places = self._compiled
        return [_as_parameter(values[self.stand_ins[place]]) if self._is_place(place) else place for place in places]

    def _is_place(self, value: Any) -> bool:
        return isinstance(value, (int, str, date, datetime)) and value in self.stand_ins

    @cached_property
    def _queryset(self) -> Any:
        return self.build(**self.given)

    @cached_property
    def _compiler(self) -> Any:
        return self._queryset.query.get_compiler(self._queryset.db)

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...]]:
        with _COMPILING:
            sql, places = self._compiler.as_sql()
        missing = set(self.stand_ins.values()) - {self.stand_ins[place] for place in places if self._is_place(place)}
        assert not missing, missing
        return sql, places


def _as_parameter(value: Any) -> Any:
    return as_array(value) if isinstance(value, list) else value
