"""Tables as files: nothing runs in them, and the longest takes no more memory than the shortest."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts_review.spreadsheet import Sheet, inert, without_quote, written
from accounts_review.spreadsheet.writing import FORMULA, UNFIT, _csv_line, _inert_row

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


def test_a_row_is_as_inert_as_its_cells_whatever_characters_it_holds() -> None:
    """A row is looked at as a whole first; that must let nothing pass that a look at each cell would change."""
    unfit = [each for each in map(chr, range(sys.maxunicode + 1)) if UNFIT.match(each)]
    assert [each for each in unfit if each.isprintable()] == []
    for cells in ([f"name{each}", "ana"] for each in (*unfit, "é", "日", "🎉", "\u200d", "\xad")):
        assert [*_inert_row(cells)] == [inert(cell) for cell in cells]
    for start in (*FORMULA, "'", '"', ",", " ", "\n"):
        for cells in (["ana", f"{start}cmd|' /C calc'!A0"], [f"{start}", "", "x"], [f"x{start}", "y"]):
            assert [*_inert_row(cells)] == [inert(cell) for cell in cells]


@given(st.lists(st.text(st.sampled_from("ab,;\"'\n\r\t =é\u202e\x00\u2028"), max_size=5), min_size=1, max_size=4))
def test_a_line_is_what_the_library_makes_of_it(cells: list[str]) -> None:
    line = io.StringIO()
    csv.writer(line).writerow([inert(cell) for cell in cells])
    assert _csv_line(cells) == line.getvalue()
