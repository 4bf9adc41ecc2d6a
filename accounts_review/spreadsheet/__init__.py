"""Tables as CSV and XLSX files: written row by row, safe from formulas, and read back with suspicion."""

from accounts_review.spreadsheet.reading import Line, Unreadable, day_of, read_table
from accounts_review.spreadsheet.writing import FORMATS, MOST_ROWS, Sheet, inert, without_quote, written

__all__ = [
    "FORMATS",
    "MOST_ROWS",
    "Line",
    "Sheet",
    "Unreadable",
    "day_of",
    "inert",
    "read_table",
    "without_quote",
    "written",
]
