"""Tables as files: nothing runs in them, and the longest takes no more memory than the shortest."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts_review.spreadsheet import Sheet, inert, without_quote, written
from accounts_review.spreadsheet.writing import FORMULA, UNFIT, _csv_lines, _inert_cells

HOSTILE = ["=1+1", "'=1", "<&>\"'", " blanks ", "two\nlines", "nul \x00", "é, ; \t", ""]


def sheet_of(*rows: list[str], **options: object) -> Sheet:
    return Sheet("things", tuple(f"c{number}" for number in range(len(rows[0]))), rows, **options)  # type: ignore[arg-type]


def worksheet(sheet: Sheet) -> openpyxl.worksheet.worksheet.Worksheet:
    return openpyxl.load_workbook(io.BytesIO(b"".join(written(sheet, "xlsx")))).active


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_whatever_starts_like_a_formula_is_made_inert_and_can_be_undone(start: str) -> None:
    assert inert(f"{start}1") == f"'{start}1"
    assert without_quote(inert(f"{start}1")) == f"{start}1"


@pytest.mark.parametrize("text", ["", "1+1", " =1", "Zoé", "'=1", "'quoted'"])
def test_anything_else_is_left_as_it_is(text: str) -> None:
    assert inert(text) == text


def test_both_kinds_hold_the_same_cells() -> None:
    expected = [inert(cell) for cell in HOSTILE]
    lines = b"".join(written(sheet_of(HOSTILE), "csv")).decode()
    assert list(csv.reader(io.StringIO(lines, newline="")))[1] == expected
    row = [cell.value or "" for cell in list(worksheet(sheet_of(HOSTILE)).rows)[1]]
    assert row == expected


def test_a_workbook_has_names_that_stay_in_view_and_lists_to_choose_from() -> None:
    page = worksheet(sheet_of(["", "approve"], choices={"c1": ("approve", "exempt")}))
    assert (page.title, page.freeze_panes) == ("things", "B2")
    assert page.auto_filter.ref.startswith("A1:B")
    assert [(v.formula1, str(v.sqref)) for v in page.data_validations.dataValidation] == [
        ('"approve,exempt"', "B2:B1048576")
    ]


def test_a_cell_that_a_spreadsheet_cannot_hold_is_cut() -> None:
    assert len(str(worksheet(sheet_of(["x" * 40_000]))["A2"].value)) == 32_767


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_rows_are_asked_for_as_they_are_written(kind: str) -> None:
    asked = 0

    def rows() -> Iterator[list[str]]:
        nonlocal asked
        for asked in range(3000):
            yield [str(asked)]

    content = written(Sheet("things", ("c0",), rows()), kind)
    next(content)
    assert asked < 1000
    sizes = [len(piece) for piece in content]
    assert asked == 2999
    assert len(sizes) > 4


@pytest.mark.parametrize("name", ["rlo\u202egnp.exe", "\u2066ana", "zero\u200bwidth", "=\u202e1"])
def test_what_turns_text_around_is_named_and_read_back_as_it_was(name: str) -> None:
    written_as = inert(name)
    assert "⟨U+" in written_as
    assert not set(written_as) & set("\u202e\u2066\u200b")
    assert without_quote(written_as) == name


def test_a_name_that_only_looks_like_one_with_a_control_is_left() -> None:
    assert without_quote(inert("⟨U+0041⟩ and ⟨U+FFFF⟩")) == "⟨U+0041⟩ and ⟨U+FFFF⟩"


def test_cells_are_inert_whatever_they_hold() -> None:
    """Many are looked at as a whole first; that must let nothing pass that a look at each cell would change."""
    unfit = [each for each in map(chr, range(sys.maxunicode + 1)) if UNFIT.match(each)]
    assert [each for each in unfit if each.isprintable()] == []
    hostile = [[f"name{each}", "ana"] for each in (*unfit, "é", "日", "🎉", "\u200d", "\xad")]
    for start in (*FORMULA, "'", '"', ",", " ", "\n"):
        hostile += [["ana", f"{start}cmd|' /C calc'!A0"], [f"{start}", "", "x"], [f"x{start}", "y"]]
    for cells in hostile:
        expected = [inert(cell) for cell in cells]
        column, text = _inert_cells(cells)
        assert ([*column], text) == (expected, "".join(expected))


CELLS = st.text(st.sampled_from("ab,;\"'\n\r\t =é&<\u202e\x00\u2028"), max_size=5)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1))


@given(TABLES)
def test_lines_are_what_the_library_makes_of_them(rows: list[list[str]]) -> None:
    lines = io.StringIO()
    csv.writer(lines).writerows([inert(cell) for cell in row] for row in rows)
    assert _csv_lines(rows).decode() == lines.getvalue()


@settings(max_examples=20)
@given(TABLES)
def test_a_workbook_holds_what_is_inert_in_each_cell(rows: list[list[str]]) -> None:
    cells = [[cell.value or "" for cell in row] for row in worksheet(sheet_of(*rows)).rows]
    # A spreadsheet has one kind of line end.
    expected = [[inert(cell).replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in rows]
    assert cells[1:] == expected


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_row_of_another_length_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="shorter"):
        b"".join(written(Sheet("things", ("c0", "c1"), [["a", "b"], ["c"]]), kind))
