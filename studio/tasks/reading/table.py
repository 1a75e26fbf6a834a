"""A table: columns by name, and for each row its place in words ("line 7").

Knows what spreadsheets do to data. Knows no roles (`mapping.py`), no tasks, and not where rows come from: delimited
text (`delimited.py`), workbooks (`workbook.py`), Parquet and Arrow (`columnar.py`), JSON (`rows.py`).
"""

import re
from collections import Counter
from typing import Any, NamedTuple

from studio.errors import TaskError
from studio.tasks.cell import Notes

LONGEST_CELL = 2_000_000
"""Characters of one cell: more is a quotation mark that was never closed."""
MOST_ROWS = 200_000
"""Rows of a spreadsheet or Parquet file that become one task."""


class Row(NamedTuple):
    """One row, and where it is."""

    place: str
    values: dict[str, Any]


class Table(NamedTuple):
    """The columns in their order, the rows, and the places that could not be read as rows, each with why.

    `form` is what the data is called, where its rows were made of something that has a name.
    """

    columns: list[str]
    rows: list[Row]
    faults: tuple[tuple[str, TaskError], ...] = ()
    form: str = ""


def name_columns(header: list[str], body: list[list[str]], notes: Notes) -> dict[int, str]:
    """Return place -> name of each column that holds something; unnamed ones get a number, equal names too."""
    columns: dict[int, str] = {}
    counts = Counter(cell.strip() for cell in header)
    seen: Counter[str] = Counter()
    for n, cell in enumerate(header):
        given = cell.strip()
        if not given and not any(cells[n].strip() for cells in body if n < len(cells)):
            notes.tally("A column without a name and without a value was left out", f"column {n + 1}")
            continue
        seen[given] += 1
        if not given:
            notes.tally("A column has no name; it was given its number", f"column {n + 1}")
            given = f"column {n + 1}"
        elif counts[given] > 1 and seen[given] > 1:
            notes.tally(f"Two columns are called {given!r}; the later one was given a number", f"column {n + 1}")
            while (given := f"{cell.strip()} {seen[cell.strip()]}") in (*columns.values(), *counts):
                seen[cell.strip()] += 1
        columns[n] = given
    return columns


def tell_of_spreadsheets(rows: list[Row], notes: Notes) -> None:
    """Tell what a spreadsheet would do, or has done, to the cells."""
    for row in rows:
        for column, cell in row.values.items():
            if not isinstance(cell, str) or not cell:
                continue
            if cell[0] in "=@" and len(cell) > 1 and (cell[1].isalpha() or cell[1] in "+-@("):
                notes.tally(
                    "A cell begins like a formula; it is kept as text, and nothing here runs it",
                    f"{row.place}, {column}",
                )
            elif "E+" in cell and re.fullmatch(r"\d[.,]?\d*E\+\d+", cell):
                notes.tally(
                    "A number was rounded by a spreadsheet, and its digits are lost; export the column as text",
                    f"{row.place}, {column}: {cell[:20]}",
                )
            elif cell[0] == "0" and cell.isdigit() and len(cell) > 1:
                notes.tally(
                    "A number begins with zeros, which a spreadsheet would delete; it is kept as text",
                    f"{row.place}, {column}: {cell[:20]}",
                )
