"""Tables read from files that people send: whatever is in them is text, and nothing in them runs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zipfile import ZipFile

from django.utils.translation import gettext as _

from accounts_review.rules.names import folded
from accounts_review.spreadsheet.writing import MOST_ROWS
from accounts_review.wording.numbers import counted

ENCODINGS = ("utf-8-sig", "windows-1252")
MAC_LETTERS = re.compile("[a-z][\u017d\u0160\u02c6\u2030]")
"""What é, ä, à and â of MacRoman become in Windows-1252: nothing that anybody writes after a small letter."""

TITLES = frozenset(
    (
        *("username", "usernames", "user", "users", "login", "account", "accounts", "name", "names"),
        *("email", "emails", "e-mail", "e-mails", "mail", "email address", "e-mail address"),
        *("identifiant", "identifiants", "utilisateur", "compte", "comptes", "nom d'utilisateur", "nom d’utilisateur"),
        *("nom", "noms", "courriel", "courriels", "adresse e-mail", "adresse mail", "adresse électronique", "adresse"),
    )
)
"""What may stand above a list of names."""

MOST_COLUMNS = 200
MOST_UNPACKED = 100 * 2**20
"""A workbook is a ZIP file; one that unpacks to more than this many bytes is not opened."""

BULK = ("xl/worksheets/", "xl/sharedStrings")
MOST_BESIDE = 10 * 2**20
"""What its styles, names and the like may take of them: they are held in memory as a whole."""

LARGEST_ROW = 2**20

LONGEST_CELL = 2000
"""Of a longer cell only the start is kept: it is told to be too long anyway."""


class Unreadable(ValueError):
    """The file is no table that can be read; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class TableLine:
    """A row of a table: its number as a spreadsheet shows it, and its cells in the order of the columns asked for."""

    number: int
    cells: tuple[str, ...]


def read_table(content: bytes, columns: Sequence[str]) -> Iterator[TableLine]:
    """The rows of a CSV or XLSX file, reduced to some columns, which are known by the names in the first row.

    CSV may be separated by commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252. Raises :class:`Unreadable`.
    """
    rows = _rows(content)
    number, names = next(rows, (1, []))
    places = _places(names, columns)
    for number, row in rows:
        if number > MOST_ROWS:
            raise Unreadable(_("The file has more than %(count)s rows.") % counted({"count": MOST_ROWS}))
        yield TableLine(number, tuple(row[place][:LONGEST_CELL] if place < len(row) else "" for place in places))


def read_list(content: bytes) -> list[TableLine] | None:
    """The names in a file that is nothing but a list of them, without the title above it; ``None`` for a table.

    Raises :class:`Unreadable`.
    """
    lines: list[TableLine] = []
    for number, row in _rows(content):
        name, *others = (cell.strip() for cell in row) if row else ("",)
        if any(others) or number > MOST_ROWS:
            return None
        if name and not (not lines and folded(name) in TITLES):
            lines.append(TableLine(number, (name[:LONGEST_CELL],)))
    return lines


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    return _workbook(content) if content.startswith(b"PK") else _text(content)


def _places(names: Sequence[str], columns: Sequence[str]) -> list[int]:
    found = [name.strip().casefold() for name in names]
    if missing := [column for column in columns if column not in found]:
        raise Unreadable(
            _(
                "The first row lacks these columns: %(names)s. Start from an export and keep its first row. To "
                "exempt a plain list of people, give a reason and an end date."
            )
            % {"names": ", ".join(missing)}
        )
    if twice := [column for column in columns if found.count(column) > 1]:
        raise Unreadable(_("The first row names these columns twice: %(names)s.") % {"names": ", ".join(twice)})
    return [found.index(column) for column in columns]


def _text(content: bytes) -> Iterator[tuple[int, list[str]]]:
    # Old Macs end lines with a carriage return alone, and so does Excel on a Mac.
    text = re.sub("\r\n?", "\n", _decoded(content))
    if text.startswith("sep="):  # A line that only tells the separator; spreadsheets do not show it as a row.
        text = text.partition("\n")[2]
    separator = max(",;\t", key=text.partition("\n")[0].count)
    number = 0
    try:
        # A stray quotation mark would take the cells and rows that follow into one cell, and their decisions with them.
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for number, row in enumerate(lines, 1):
            yield number, row
    except csv.Error as error:
        why = {"row": number + 1, "why": error}
        if "limit" in str(error):
            raise Unreadable(_("Row %(row)d cannot be read: %(why)s.") % why) from None
        raise Unreadable(
            _(
                "Row %(row)d cannot be read: a quotation mark opens a cell there and is not closed at its end. Remove "
                "it, or write it twice within a cell that stands between quotation marks."
            )
            % why
        ) from None


def _decoded(content: bytes) -> str:
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(_("This is an old spreadsheet format (.xls). Save it as .xlsx and upload that."))
    is_from_mac = b"\r" in content and b"\n" not in content
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ENCODINGS
    for encoding in (encodings[0], "mac-roman") if is_from_mac and len(encodings) > 1 else encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "windows-1252" and MAC_LETTERS.search(text):
            break
        if "\0" not in text:
            return text
    raise Unreadable(
        _(
            "The text is not UTF-8, UTF-16 or Windows-1252; it may be from a Mac. Save it as “CSV UTF-8” or .xlsx "
            "and upload that."
        )
    )


def _workbook(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        _refuse_bombs(content)
        yield from _cells(content)
    except (Unreadable, GeneratorExit):
        raise
    except Exception:
        raise Unreadable(_damaged()) from None


def _refuse_bombs(content: bytes) -> None:
    """Look at how much a workbook would unpack to, before anything holds it in memory."""
    with ZipFile(io.BytesIO(content)) as book:
        parts = book.infolist()
        beside = sum(part.file_size for part in parts if not part.filename.startswith(BULK))
        if beside > MOST_BESIDE or sum(part.file_size for part in parts) > MOST_UNPACKED:
            most = {"size": MOST_UNPACKED // 2**20}
            raise Unreadable(_("The spreadsheet unpacks to more than %(size)s MB. Upload fewer rows.") % most)
        for part in parts:
            if part.filename.startswith(BULK[0]):
                with book.open(part) as page:
                    while len(chunk := page.read(LARGEST_ROW)) == LARGEST_ROW:
                        if b"<row" not in chunk:
                            raise Unreadable(_damaged())


def _cells(content: bytes) -> Iterator[tuple[int, list[str]]]:
    from openpyxl import load_workbook

    # Formulas are read as their text, never as what somebody's spreadsheet made of them.
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    page = book.worksheets[0]
    rows: Iterable[Any] = page.iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS + 1, values_only=True)
    for number, row in enumerate(rows, 1):
        yield number, [_written(cell) for cell in row]


def _written(cell: Any) -> str:
    """The value of a cell as a person would write it; a date by ISO 8601."""
    match cell:
        case None:
            return ""
        case datetime() if cell.time() == time.min:
            return cell.date().isoformat()
        case float() if cell.is_integer():
            return str(int(cell))
        case _:
            return str(cell)


def _damaged() -> str:
    return _("The file is not a readable spreadsheet. Save it again as .xlsx or “CSV UTF-8” and upload that.")
