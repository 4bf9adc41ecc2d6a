"""What every table of the portal keeps to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import django_tables2 as tables
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, QuerySet, Value, Window
from django.template.loader import get_template
from django.utils.functional import cached_property
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django_tables2.rows import BoundRows

from accounts_review.models.keys import in_order

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class KeyPaginator(Paginator):  # type: ignore[type-arg]
    """Cuts pages by the keys of rows alone; what a row shows is read of those on the page.

    The first page is found while all are counted, so that of those that a search finds none is looked at twice.
    """

    @cached_property
    def count(self) -> int:
        return self._first_page[0][1] if self._first_page else 0

    @cached_property
    def _first_page(self) -> list[tuple[int, int]]:
        """The keys of its rows, each with how many rows there are in all."""
        rows: Any = self.object_list
        return list(
            _bare(rows.data.data).annotate(total=Window(Count("pk"))).values_list("pk", "total")[: self.per_page]
        )

    def page(self, number: int | str) -> Page[Any]:
        page = super().page(number)
        rows: Any = page.object_list
        if page.number == 1:
            keys = [key for key, _total in self._first_page]
        else:
            keys = list(_bare(rows.data).values_list("pk", flat=True))
        page.object_list = BoundRows(in_order(rows.table.shown, keys), rows.table)
        return page


def _bare(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows without what is read along with them."""
    return rows.select_related(None).prefetch_related(None)


class PortalTable(tables.Table):  # type: ignore[misc]
    """A table whose pages cannot be abused and do not overlap, and whose rows stack on a phone.

    The size of a page is clamped whatever the address asks for, and every ordering ends in the primary key.
    Set ``htmx_target`` to the id (with ``#``) of the element that sort and page links refresh.
    """

    shown: QuerySet[Any] | None = None
    """What is shown of rows, where that is more than puts them in order: of very many it is read for a page alone."""
    least_per_page = 10
    most_per_page = 100
    htmx_target = ""

    class Meta:
        template_name = "accounts_review/shared/table.html"
        attrs: dict[str, StrOrPromise] = {"class": "table table-hover table-stacks"}
        per_page = 25

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for column in self.columns.columns.values():
            attrs = column.column.attrs
            label = {"data-label": column.column.verbose_name} if column.column.verbose_name else {}
            column.column.attrs = attrs | {"td": label | attrs.get("td", attrs.get("cell", {}))}

    def paginate(
        self,
        paginator_class: type[Paginator[Any]] = Paginator,
        per_page: int | None = None,
        page: int = 1,
        **kwargs: Any,
    ) -> PortalTable:
        """Cut into pages of a size within the bounds, in an order that is the same every time."""
        if isinstance(self.data.data, QuerySet):
            self.data.data = ending_in_pk(self.data.data)
        if self.shown is not None:
            self.data.data, paginator_class = sorted_by_pk(self.data.data), KeyPaginator
        paginated: PortalTable = super().paginate(paginator_class, self.clamped(per_page), max(page, 1), **kwargs)
        return paginated

    def clamped(self, per_page: int | None) -> int:
        """A size of pages within the bounds, whatever was asked for."""
        return min(max(per_page or self._meta.per_page, self.least_per_page), self.most_per_page)


def ending_in_pk(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The same rows, with a last word on rows that are equal in all else."""
    order = rows.query.order_by or tuple(rows.model._meta.ordering)
    return rows if {"pk", "-pk"} & {item for item in order if isinstance(item, str)} else rows.order_by(*order, "pk")


def sorted_by_pk(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The same rows, found before they are put in order.

    In the order of the primary key, the database may look at all of the table until it has met a page of them.
    """
    key = F("pk") + Value(0)
    order = rows.query.order_by or rows.model._meta.ordering
    return rows.order_by(*({"pk": key.asc(), "-pk": key.desc()}.get(str(item), item) for item in order))


class CellColumn(tables.TemplateColumn):  # type: ignore[misc]
    """A cell from a template of a page, such as ``review/idle``.

    It is given ``record``, ``value``, ``table`` and what ``extra_context`` makes of them.

    Unlike its parent it does not run every context processor, with its queries, for every cell.
    """

    def __init__(self, cell: str, verbose_name: StrOrPromise, **kwargs: Any) -> None:
        page, _slash, name = cell.partition("/")
        kwargs.setdefault("attrs", {"cell": {"class": f"cell-{name}"}})
        super().__init__(template_name=f"accounts_review/{page}/cells/{name}.html", verbose_name=verbose_name, **kwargs)

    def render(self, record: Any, table: PortalTable, value: Any, bound_column: Any, **kwargs: Any) -> str:
        known = self.get_context_data(record=record, table=table, value=value, bound_column=bound_column, **kwargs)
        return get_template(self.template_name).render(known | {"table": table})


class CountColumn(tables.Column):  # type: ignore[misc]
    """A number as people write it, under those above it."""

    def __init__(self, verbose_name: StrOrPromise, **kwargs: Any) -> None:
        attrs = {"th": {"class": "text-end"}, "td": {"class": "text-end numeric"}}
        super().__init__(verbose_name=verbose_name, attrs=attrs, **kwargs)

    def render(self, value: int) -> str:
        return intcomma(value)


class RecordTable(PortalTable):
    """A table that knows the instant it is read at and the page's workspace."""

    def __init__(self, *args: Any, now: datetime, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.workspace = workspace


class WrittenTable(RecordTable):
    """A table whose cells are written in Python.

    From templates they took twenty times as long: 2.4 ms a row of a clean-up, and a print has 10,000 of them.
    """

    class Meta(PortalTable.Meta):
        template_name = "accounts_review/shared/_written.html"

    @property
    def cells(self) -> Mapping[str, Callable[[Any], str]]:
        """What writes a record's cell in each column, as HTML."""
        raise NotImplementedError

    def rows_written(self) -> SafeString:
        """The rows of the page as HTML."""
        cells = self.cells
        columns = [(_opening(column.attrs["td"]), cells[column.name]) for column in self.columns]
        rows = (
            "\n".join([f"{opening}{cell(row.record)}</td>" for opening, cell in columns]) for row in self.paginated_rows
        )
        return mark_safe("".join(f"<tr>\n{row}\n</tr>\n" for row in rows))  # noqa: S308 (so is each)


def celled(kind: str) -> dict[str, dict[str, str]]:
    """Attributes of a column whose cells are of a class, heads included."""
    return {"cell": {"class": kind}}


def _opening(attrs: Mapping[str, Any]) -> str:
    kind, label = attrs.get("class"), escape(attrs["data-label"])
    return f'<td class="{kind}" data-label="{label}">' if kind else f'<td data-label="{label}">'
