"""Many keys in one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Expression


class Among(Expression):
    """Many keys for ``pk__in``, as one parameter: with one for each, a query takes longer to write than to run."""

    def __init__(self, keys: Iterable[int]) -> None:
        super().__init__(output_field=models.BigIntegerField())
        self.keys = as_array(keys)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str]]:
        return "(SELECT unnest(%s::bigint[]))", (self.keys,)


def one_of(keys: Iterable[int] | models.QuerySet[Any, Any], *, of: str = "pk") -> models.Func:
    """A condition that ``pk``, or another field, is one of many keys: where they lie close together, rows are found in
    their order. :class:`Among` looks each up by itself, and leaves them to be sorted.

    Keys of a query are looked up first. Joined, and as long as nothing is known of a small table that they come from,
    the database expects that hardly anybody is left, and finds all before it takes the first thousand.
    """
    if isinstance(keys, models.QuerySet):
        array: Any = ArraySubquery(keys)
    else:
        array = models.Value(as_array(keys), output_field=models.TextField())
    return models.Func(
        models.F(of),
        array,
        template="(%(expressions)s::bigint[]))",
        arg_joiner=" = ANY(",
        output_field=models.BooleanField(),
    )


def as_array(keys: Iterable[int]) -> str:
    """Keys as the one parameter of :class:`Among`."""
    return f"{{{','.join(map(str, keys))}}}"


def in_order(rows: models.QuerySet[Any], keys: Sequence[int]) -> list[Any]:
    """Rows by their keys, in the order of these; without those that are gone."""
    found = rows.order_by().in_bulk(keys)
    return [found[key] for key in keys if key in found]
