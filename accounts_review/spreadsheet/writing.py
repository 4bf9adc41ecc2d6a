"""Tables written row by row, so that the longest takes no more memory than the shortest."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import IO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_ROWS = 1_048_576
"""What a spreadsheet can hold, the row of names included."""

BATCH = 500
LONGEST_CELL = 32_767
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What a spreadsheet file cannot hold."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to write: the names of its columns, its rows, and what the cells of some columns may hold."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[str]]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, or chokes on: one that starts like it gets a leading ``'``."""
    cell = NOT_IN_XML.sub("\ufffd", cell)
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def without_quote(cell: str) -> str:
    """What a cell was before it was made inert."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def csv_lines(sheet: Sheet) -> Iterator[str]:
    """The lines of a CSV file, some hundreds at a time, the names of the columns first."""
    rows = iter(sheet.rows)
    batch: list[Sequence[str]] = [sheet.columns]
    while batch:
        text = io.StringIO()
        csv.writer(text).writerows([inert(cell) for cell in row] for row in batch)
        yield text.getvalue()
        batch = list(islice(rows, BATCH))


def xlsx_file(sheet: Sheet) -> IO[bytes]:
    """A workbook with the table as its only sheet, as an open temporary file, to be read from its start.

    openpyxl makes the workbook; the rows go straight into its sheet, for which openpyxl takes many times as long.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller's)
    with ZipFile(_frame(sheet)) as frame, ZipFile(file, "w", ZIP_DEFLATED) as book:
        for name in frame.namelist():
            if name != "xl/worksheets/sheet1.xml":
                book.writestr(name, frame.read(name))
                continue
            before, end, after = frame.read(name).partition(b"</sheetData>")
            with book.open(name, "w", force_zip64=True) as part:
                # The size that it tells of is that of the frame.
                part.write(re.sub(rb"<dimension [^>]*/>", b"", before))
                for row in _xml_rows(sheet.rows):
                    part.write(row)
                part.write(end + after)
    file.seek(0)
    return file


def _frame(sheet: Sheet) -> IO[bytes]:
    """The workbook without its rows: names that stay in view, filters, and lists to choose from."""
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


def _xml_rows(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    for number, row in zip(count(2), rows):
        cells = "".join(_xml_cell(inert(cell)[:LONGEST_CELL]) for cell in row)
        yield f'<row r="{number}">{cells}</row>'.encode()


def _xml_cell(cell: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>' if cell else "<c/>"
