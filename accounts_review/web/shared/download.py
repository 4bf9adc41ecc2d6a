"""Tables as downloads: streamed, in the person's language and time zone, named by workspace and day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from itertools import chain
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.timezone import localdate
from django.utils.translation import get_language, override
from django_tables2 import RequestConfig

from accounts_review.spreadsheet import FORMATS, Sheet, written
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.tables import PortalTable, ending_in_pk

Piece = TypeVar("Piece", str, bytes)
BYTE_ORDER_MARK = "\ufeff".encode()
"""Without it, spreadsheets take the UTF-8 of a CSV file for something else."""

SILENT = "10min"
"""So long a client may take for the rows of one fetch, whatever the database's own limit is for who is silent in a
transaction. As long as a download lasts, no index is made beside it, no table changed, and no dead row cleared."""


def as_shown(table: PortalTable, request: HttpRequest) -> QuerySet[Any]:
    """The rows of a table, all of them, in the order that the address asks for."""
    RequestConfig(request, paginate=False).configure(table)
    rows: QuerySet[Any] = table.data.data
    return ending_in_pk(rows)


def download(view: WorkspaceView, sheet: Sheet, *, kind: str, name: str = "") -> StreamingHttpResponse:
    """A table as a ``csv`` or ``xlsx`` file."""
    content = written(sheet, kind)
    if kind == "csv":
        content = chain([BYTE_ORDER_MARK], content)
    answer = StreamingHttpResponse(as_found(_as_here(content)), content_type=FORMATS[kind])
    answer["Content-Disposition"] = f'attachment; filename="{file_name(view, name or sheet.title, kind)}"'
    return answer


def as_found(content: Iterator[Piece]) -> Iterator[Piece]:
    """Content that is read from the database as it is sent.

    Outside a transaction the database finds all rows, and keeps them, before it hands out the first of a million.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT}'")
        yield from content


def file_name(view: WorkspaceView, what: str, ending: str) -> str:
    return f"{view.workspace.name}-{what}-{localdate(view.now):%Y-%m-%d}.{ending}"


def _as_here(content: Iterator[bytes]) -> Iterator[bytes]:
    """Content with the language and the days of the person's screens: it is sent after the request has gone through."""
    return _told(content, get_language(), timezone.get_current_timezone())


def _told(content: Iterator[bytes], language: str | None, zone: tzinfo) -> Iterator[bytes]:
    while True:
        with override(language), timezone.override(zone):
            piece = next(content, None)
        if piece is None:
            return
        yield piece
