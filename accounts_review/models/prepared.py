"""Querysets that are put into SQL once, for whoever asks the same again and again.

Django builds and compiles a query anew each time, which takes several times as long as the database takes to answer it.
Every page asks a handful of questions of which only a few values change, and every e-mail asks one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import count
from typing import Any

from django.db import connection, models

_STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: -7_000_000 - number,
    date: lambda number: date(1, 3, 1 + number),
    datetime: lambda number: datetime(1, 2, 1 + number, 3, 4, 5, 678, tzinfo=UTC),
}


class Prepared:
    """A queryset with a place for each of some values, which are named with their types.

    ``build`` is given a stand-in for each, and must pass it on to a condition or an expression as it is::

        mine = Prepared(lambda person: Role.objects.filter(person=person), person=int)
        mine.objects(person=user.pk)
    """

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]], **types: type) -> None:
        self.build = build
        numbers = count()
        self.stand_ins = {_STAND_INS[type_](next(numbers)): name for name, type_ in types.items()}

    def objects(self, **values: Any) -> list[Any]:
        """Its models, with what they are annotated with; relations are not selected along."""
        sql, _places = self._compiled
        return list(self.model._default_manager.raw(sql, self._filled(values)))

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """What it lists by ``values_list``, as the database has it."""
        sql, _places = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(sql, self._filled(values))
            return list(cursor.fetchall())

    def _filled(self, values: dict[str, Any]) -> list[Any]:
        _sql, places = self._compiled
        return [values[self.stand_ins[place]] if self._is_place(place) else place for place in places]

    def _is_place(self, value: Any) -> bool:
        return type(value) in _STAND_INS and value in self.stand_ins

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...]]:
        found = self.build(**{name: stand_in for stand_in, name in self.stand_ins.items()})
        self.model = found.model
        sql, places = found.query.sql_with_params()
        missing = set(self.stand_ins.values()) - {self.stand_ins[place] for place in places if self._is_place(place)}
        assert not missing, missing
        return sql, places
