"""Tables as downloads: streamed, in the person's language, named by workspace and day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.timezone import localdate
from django.utils.translation import get_language, override
from django_tables2 import RequestConfig

from accounts_review.spreadsheet import FORMATS, Sheet, csv_lines, xlsx_file
from accounts_review.web.access import WorkspaceView
from accounts_review.web.tables import PortalTable, ending_in_pk

BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets take UTF-8 for something else."""


def as_shown(table: PortalTable, request: HttpRequest) -> QuerySet[Any]:
    """The rows of a table, all of them, in the order that the address asks for."""
    RequestConfig(request, paginate=False).configure(table)
    rows: QuerySet[Any] = table.data.data
    return ending_in_pk(rows)


def download(view: WorkspaceView, sheet: Sheet, *, kind: str, name: str = "") -> HttpResponseBase:
    """A table as a ``csv`` or ``xlsx`` file."""
    answer: FileResponse | StreamingHttpResponse
    if kind == "xlsx":
        answer = FileResponse(xlsx_file(sheet), content_type=FORMATS[kind])
    else:
        answer = StreamingHttpResponse(_spoken(csv_lines(sheet), get_language()), content_type=FORMATS[kind])
    answer["Content-Disposition"] = f'attachment; filename="{file_name(view, name or sheet.title, kind)}"'
    return answer


def file_name(view: WorkspaceView, what: str, ending: str) -> str:
    return f"{view.workspace.name}-{what}-{localdate(view.now):%Y-%m-%d}.{ending}"


def _spoken(lines: Iterator[str], language: str | None) -> Iterator[str]:
    """Lines in a language, whichever is active where they are sent: that is after the request has gone through."""
    yield BYTE_ORDER_MARK
    while True:
        with override(language):
            text = next(lines, None)
        if text is None:
            return
        yield text
