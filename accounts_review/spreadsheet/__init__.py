"""Tables as CSV and XLSX files: written row by row, safe from formulas, and read back with suspicion."""

from accounts_review.spreadsheet.days import ORDERS, day_of, day_readings
from accounts_review.spreadsheet.reading import TableLine, Unreadable, read_list, read_table
from accounts_review.spreadsheet.writing import FORMATS, MOST_ROWS, Sheet, inert, without_quote, written

__all__ = [
    "FORMATS",
    "MOST_ROWS",
    "ORDERS",
    "Sheet",
    "TableLine",
    "Unreadable",
    "day_of",
    "day_readings",
    "inert",
    "read_list",
    "read_table",
    "without_quote",
    "written",
]
