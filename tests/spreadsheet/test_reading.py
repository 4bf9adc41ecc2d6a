"""Files that people send: every usual way of saving a table is read, and a hostile one harms nobody."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from accounts_review.spreadsheet import TableLine, Unreadable, read_list, read_table, reading

COLUMNS = ("username", "decision")
ROWS = [["Decision ", "other", "USERNAME"], ["approve", "1", "zoé"], [], ["", "", "an;a"]]
EXPECTED = [TableLine(2, ("zoé", "approve")), TableLine(3, ("", "")), TableLine(4, ("an;a", ""))]


def text_of(separator: str) -> str:
    return "\r\n".join(separator.join(f'"{cell}"' for cell in row) for row in ROWS)


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def repacked(content: bytes, name: str, part: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for each in {*old.namelist(), name}:
            new.writestr(each, part if each == name else old.read(each))
    return file.getvalue()


def read(content: bytes) -> list[TableLine]:
    return list(read_table(content, COLUMNS))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_every_usual_csv_is_read(separator: str, encoding: str) -> None:
    assert read(text_of(separator).encode(encoding)) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "mac-roman"])
def test_files_of_a_mac_are_read(encoding: str) -> None:
    assert read(text_of(";").replace("\r\n", "\r").encode(encoding)) == EXPECTED


@pytest.mark.parametrize("word", ["zoé", "voilà", "Präger"])
def test_the_letters_of_a_mac_are_not_taken_for_others(word: str) -> None:
    with pytest.raises(Unreadable, match=r"may be from a Mac\. Save it as “CSV UTF-8”"):
        read(f"username,decision\n{word}x,approve\n".encode("mac-roman"))


@pytest.mark.parametrize(
    "content",
    [
        b"ana\nomar@ville.example\n",
        b"\xef\xbb\xbfE-mail\r\nana\r\n\r\n  omar@ville.example  \r\n",
        b"Username\rana\romar@ville.example",
        b"Adresse e-mail;;\nana;;\nomar@ville.example;;\n",
        workbook(["Login"], ["ana"], [None], ["omar@ville.example"]),
    ],
    ids=lambda content: ascii(content)[:20],
)
def test_a_list_of_names_is_read_without_its_title(content: bytes) -> None:
    lines = read_list(content)
    assert lines is not None
    assert [line.cells for line in lines] == [("ana",), ("omar@ville.example",)]


@pytest.mark.parametrize(
    "content", [b"ana;omar\n", b"ana\nomar,left\n", workbook(["ana", "left"])], ids=lambda c: ascii(c)[:9]
)
def test_what_has_a_second_column_is_no_list(content: bytes) -> None:
    assert read_list(content) is None


def test_a_line_that_tells_the_separator_is_no_row() -> None:
    assert read(b"sep=;\r\n" + text_of(";").encode()) == EXPECTED


def test_a_cell_of_several_lines_is_one_row_as_in_a_spreadsheet() -> None:
    content = b'username,decision\n"a\nb",\nc,approve\n'
    assert [line.number for line in read(content)] == [2, 3]


def test_a_workbook_is_read_with_its_numbers_dates_and_formulas_as_text() -> None:
    rows: list[list[Any]] = [["username", "decision"], [7, datetime(2027, 6, 30)], [7.5, True], ["=1+1", None]]  # noqa: DTZ001
    assert [line.cells for line in read(workbook(*rows))] == [
        ("7", "2027-06-30"),
        ("7.5", "True"),
        ("=1+1", ""),
    ]


def test_rows_that_a_workbook_leaves_out_are_counted() -> None:
    book = openpyxl.Workbook()
    book.active.append(list(COLUMNS))
    book.active["A5"] = "ana"
    file = io.BytesIO()
    book.save(file)
    assert [line.number for line in read(file.getvalue()) if line.cells[0]] == [5]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "lacks these columns: username, decision"),
        (b"username\nana\n", "lacks these columns: decision"),
        (b"username,decision,decision\n", "names these columns twice: decision"),
        (b"username,decision\n\x81\x00", "not UTF-8, UTF-16 or Windows-1252"),
        (b"\xd0\xcf\x11\xe0old", "old spreadsheet format"),
        (b"PK\x03\x04 is no workbook", "not a readable spreadsheet"),
        (repacked(workbook(["username"]), "xl/workbook.xml", b"<broken"), "not a readable spreadsheet"),
        (b"username,decision\n" + b"x" * 200_000, "Row 2 cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(content)


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = repacked(workbook(list(COLUMNS)), "xl/media/image.png", b"\0" * reading.MOST_BESIDE + b"\0")
    assert len(bomb) < reading.MOST_BESIDE / 100
    monkeypatch.setattr("openpyxl.load_workbook", None)
    with pytest.raises(Unreadable, match="unpacks to more than"):
        read(bomb)


def test_a_row_without_end_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    page = b"<worksheet><sheetData><row>" + b"<c/>" * reading.LARGEST_ROW + b"</row></sheetData></worksheet>"
    monkeypatch.setattr("openpyxl.load_workbook", None)
    with pytest.raises(Unreadable, match="not a readable spreadsheet"):
        read(repacked(workbook(list(COLUMNS)), "xl/worksheets/sheet1.xml", page))


def test_entities_do_not_multiply() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    page = (
        f'<!DOCTYPE x [<!ENTITY e0 "lol">{entities}]>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>&e11;</t></is></c></row></sheetData></worksheet>'
    )
    with pytest.raises(Unreadable):
        read(repacked(workbook(list(COLUMNS)), "xl/worksheets/sheet1.xml", page.encode()))


def test_a_longest_cell_is_cut_and_a_row_far_away_is_refused() -> None:
    assert len(read(workbook(list(COLUMNS), ["x" * 30_000]))[0].cells[0]) == reading.LONGEST_CELL
    page = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="999999999"><c t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>'
    )
    with pytest.raises(Unreadable, match="lacks these columns"):
        read(repacked(workbook(list(COLUMNS)), "xl/worksheets/sheet1.xml", page.encode()))


@pytest.mark.parametrize(
    "table",
    [
        'username,decision\n"ana,approve,"last seen\nomar,approve\n',
        'username,decision\nana,"approve\nomar,approve\n',
        'username,decision\nana,"app"rove\nomar,approve\n',
    ],
)
def test_a_stray_quotation_mark_takes_no_row_with_it(table: str) -> None:
    """A cell that ends elsewhere swallowed the decisions behind it, and the others were taken without a word."""
    with pytest.raises(Unreadable, match="Row 2 cannot be read: a quotation mark"):
        list(read_table(table.encode(), COLUMNS))


def test_a_quotation_mark_within_a_cell_is_one() -> None:
    lines = list(read_table(b'username,decision\n5" pipe,"say ""approve"""\n', COLUMNS))
    assert [line.cells for line in lines] == [('5" pipe', 'say "approve"')]
