"""What is pasted, or is in a file, becomes inputs, or inputs with their answers.

A text has one a line, or parted by blank lines; a table has them in columns. Whether a pasted text is a table can only
be guessed, and which of its columns are meant can't, so a person is shown the columns and says. Keeps nothing.
"""

import csv
import io
import json
import re
from pathlib import Path
from typing import NamedTuple

from studio.errors import InputError, TaskError
from studio.tasks.cell import Notes
from studio.tasks.reading.delimited import find_delimiter, read_csv
from studio.tasks.reading.table import Row, Table
from studio.tasks.reading.task_file import load_table

PASTED = "The pasted text"
Pairs = list[tuple[str, str]]
"""Inputs and their answers, "" where there is none yet."""


class Columns(NamedTuple):
    """What looks like a table: its columns and how many rows it has; none if it can't be read, and why.

    `is_text` says that it may as well be plain lines; `longest` is the column with the longest texts.
    """

    columns: tuple[str, ...]
    rows: int
    words: str = ""
    is_text: bool = True
    longest: str = ""


def preview_pasted(text: str, name: str = PASTED) -> Columns | None:
    """Return the table that a text looks like, None if it is plain lines; one of a .csv may have a single column."""
    if not text.strip() or (find_delimiter(text.strip(), name) is None and not _is_csv(name)):
        return None
    try:
        return _preview(_read_table(text, name))
    except TaskError as error:
        return Columns((), 0, str(error))


def preview_inputs(path: Path, name: str) -> Columns | None:
    """Return the columns of a file, None if there is nothing to choose. Raises TaskError in words."""
    found = load_table(path, name)
    if isinstance(found, str):
        return preview_pasted(found, name)
    return _preview(_check_whole(found))._replace(is_text=False) if len(found.columns) > 1 else None


def _preview(table: Table) -> Columns:
    sizes = {name: sum(len(_say(row.values.get(name))) for row in table.rows[:100]) for name in table.columns}
    return Columns(tuple(table.columns), len(table.rows), longest=max(sizes, key=lambda name: sizes[name]))


def read_pasted(text: str, column: str | None = None, answers: str | None = None, name: str = PASTED) -> Pairs:
    """Return what a text holds, as plain lines where no column is named. Raises TaskError or InputError in words."""
    return _pair(_read_table(text, name), column, answers) if column else _read_lines(text)


def read_inputs(path: Path, name: str, column: str | None = None, answers: str | None = None) -> Pairs:
    """Return what a file holds; of one whose table has one column, that. Raises TaskError or InputError in words."""
    found = load_table(path, name)
    if isinstance(found, str):
        return read_pasted(found, column, answers, name)
    if not column and len(found.columns) > 1:
        raise InputError(
            f"{name}: the columns are {', '.join(found.columns)[:300]}. Choose the one that holds the inputs.",
            field="column",
        )
    return _pair(_check_whole(found), column or found.columns[0], answers)


def _read_lines(text: str) -> Pairs:
    parts = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").strip("\n"))
    if len(parts) == 1:
        return [(line.strip(), "") for line in parts[0].split("\n") if line.strip()]
    return [(part.strip("\n"), "") for part in parts if part.strip()]


def _pair(table: Table, column: str, answers: str | None) -> Pairs:
    for name in filter(None, (column, answers)):
        if name not in table.columns:
            raise InputError(
                f"There is no column {name[:60]!r}; found {', '.join(table.columns)[:300]}. Choose one of these.",
                field="column",
            )
    rows = ((_say(row.values.get(column)), _say(row.values.get(answers)) if answers else "") for row in table.rows)
    return [(given, answer) for given, answer in rows if given]


def _say(cell: object) -> str:
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
    # A line by itself may have blanks around it from how it was pasted; what has several lines may be code.
    return text.strip("\r\n") if "\n" in text.strip() else text.strip()


def _read_table(text: str, name: str) -> Table:
    table = read_csv(text.strip(), name, Notes()) or (_read_column(text) if _is_csv(name) else None)
    if table is None:
        raise InputError("The pasted text is no table. Take it as plain lines.", field="column")
    return _check_whole(table)


def _check_whole(table: Table) -> Table:
    """The table. Raises the TaskError of its first broken row: nobody is asked here whether to leave it out."""
    if table.faults:
        raise table.faults[0][1]
    return table


def _read_column(text: str) -> Table:
    """A table of one column: its cells, or its lines where they hold commas without quotation marks."""
    cells = [row for row in csv.reader(io.StringIO(text.strip())) if row]
    if any(len(row) > 1 for row in cells):
        cells = [[line] for line in text.splitlines() if line.strip()]
    name, *rest = (row[0].strip() for row in cells)
    return Table([name], [Row(f"row {number}", {name: cell}) for number, cell in enumerate(rest, 1)])


def _is_csv(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv"))
