"""Tables written row by row, so that the longest takes no more memory than the shortest."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import IO, Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from accounts_review.wording.controls import CONTROLS, with_controls_back, with_controls_named

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_ROWS = 1_048_576
"""What a spreadsheet can hold, the row of names included."""

BATCH = 500
LONGEST_CELL = 32_767
FORMULA = ("=", "+", "-", "@", "\t", "\r")
QUOTED = re.compile('[",\n\r]')
"""What has a cell of a CSV file quoted."""
NOTHING = '""'
"""A row of one cell that is empty."""
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What a spreadsheet file cannot hold."""
UNFIT = re.compile(f"{NOT_IN_XML.pattern}|{CONTROLS.pattern}")
"""Anything that is not written as it is."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to write: the names of its columns, its rows, and what the cells of some columns may hold."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[str]]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, or chokes on: one that starts like it gets a leading ``'``.

    What would turn its text around is named, as on pages.
    """
    cell = with_controls_named(NOT_IN_XML.sub("\ufffd", cell))
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _inert_cells(column: Sequence[str]) -> tuple[Sequence[str], str]:
    """A column with each cell inert, and its text.

    Nearly all cells are, and that is seen much faster of many as a whole.
    """
    starts, text = {cell[:1] for cell in column}, "".join(column)
    # Whatever is unfit is not printable, which is seen faster still.
    if starts.isdisjoint(FORMULA) and (text.isprintable() or not UNFIT.search(text)):
        return column, text
    column = [inert(cell) for cell in column]
    return column, "".join(column)


def without_quote(cell: str) -> str:
    """What a cell was before it was made inert."""
    cell = with_controls_back(cell)
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def written(sheet: Sheet, kind: str) -> Iterator[bytes]:
    """The table as a ``csv`` or ``xlsx`` file, piece by piece, each when it is asked for."""
    yield from _xlsx(sheet) if kind == "xlsx" else _csv(sheet)


def _csv(sheet: Sheet) -> Iterator[bytes]:
    yield _csv_lines([sheet.columns])
    yield from map(_csv_lines, _batches(sheet.rows))


def _batches(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _by_row(cells: Callable[[Sequence[str]], Sequence[str]], rows: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Rows whose cells are written column by column: what few cells need, hardly any column does."""
    return zip(*map(cells, zip(*rows, strict=True)), strict=True)


def _csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    """What ``csv.writer`` makes of rows; as it looks at each letter, it takes longer."""
    lines = map(",".join, _by_row(_csv_cells, rows))
    return "".join([f"{line or NOTHING}\r\n" for line in lines]).encode()


def _csv_cells(column: Sequence[str]) -> Sequence[str]:
    column, text = _inert_cells(column)
    if '"' in text or "\n" in text or "\r" in text:
        return [_csv_cell(cell) for cell in column]
    return [f'"{cell}"' if "," in cell else cell for cell in column] if "," in text else column


def _csv_cell(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if QUOTED.search(cell) else cell


def _xlsx(sheet: Sheet) -> Iterator[bytes]:
    """A workbook that openpyxl makes; the rows go straight into its sheet, for which it takes many times as long.

    Without ZIP64, of which Excel complains.
    """
    pipe = _Pipe()
    with ZipFile(_frame(sheet)) as frame, ZipFile(pipe, "w", ZIP_DEFLATED) as book:
        for name in frame.namelist():
            if name != "xl/worksheets/sheet1.xml":
                book.writestr(name, frame.read(name))
                continue
            before, end, after = frame.read(name).partition(b"</sheetData>")
            with book.open(name, "w") as part:
                # The size that it tells of is that of the frame.
                part.write(re.sub(rb"<dimension [^>]*/>", b"", before))
                for number, rows in zip(count(2, BATCH), _batches(sheet.rows)):
                    part.write(_xml_rows(number, rows))
                    yield pipe.taken()
                part.write(end + after)
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """Holds what is written until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        self._held += content
        return len(content)

    def taken(self) -> bytes:
        content = bytes(self._held)
        self._held.clear()
        return content


def _frame(sheet: Sheet) -> IO[bytes]:
    """The workbook without its rows: names that stay in view, filters, and lists to choose from."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    page = book.active
    page.title = sheet.title
    page.append(list(sheet.columns))
    page.freeze_panes = "B2"
    page.auto_filter.ref = f"A1:{get_column_letter(len(sheet.columns))}{MOST_ROWS}"
    for number, name in enumerate(sheet.columns, 1):
        letter = get_column_letter(number)
        page[f"{letter}1"].font = Font(bold=True)
        page.column_dimensions[letter].width = max(14, len(name) + 4)
        if name in sheet.choices:
            one_of = DataValidation(type="list", formula1=f'"{",".join(sheet.choices[name])}"', allow_blank=True)
            one_of.add(f"{letter}2:{letter}{MOST_ROWS}")
            page.add_data_validation(one_of)
    file = io.BytesIO()
    book.save(file)
    return file


def _xml_rows(first: int, rows: Sequence[Sequence[str]]) -> bytes:
    lines = map("".join, _by_row(_xml_cells, rows))
    return "".join([f'<row r="{number}">{line}</row>' for number, line in enumerate(lines, first)]).encode()


def _xml_cells(column: Sequence[str]) -> Sequence[str]:
    column, text = _inert_cells(column)
    cells = [cell[:LONGEST_CELL] for cell in column] if len(text) > LONGEST_CELL else column
    if "&" in text or "<" in text or ">" in text:
        cells = [escape(cell) for cell in cells]
    return [f'<c t="inlineStr"><is><t xml:space="preserve">{cell}</t></is></c>' if cell else "<c/>" for cell in cells]
