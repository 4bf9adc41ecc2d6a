"""Rows of a query as text, as the database writes them: the first at once, and never many in memory.

A model object for each row takes several times as long as all else that becomes of the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def streamed(query: QuerySet[Any, tuple[Any, ...]]) -> Iterator[list[Any]]:
    """The rows of a ``values_list``, each value as PostgreSQL writes it, or ``None``.

    Until the last row, the connection can do nothing else.
    """
    try:
        sql, parameters = query.query.sql_with_params()
    except EmptyResultSet:
        return
    copy = f"COPY ({sql}) TO STDOUT"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(copy, parameters) as lines:
        for line in lines:
            cells = str(line, "utf-8")[:-1].split("\t")
            yield [_value(cell) if "\\" in cell else cell for cell in cells]


def _value(cell: str) -> str | None:
    if cell == r"\N":
        return None
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), cell)
