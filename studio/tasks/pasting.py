"""A pasted text becomes inputs, or inputs with their answers: one a line, parted by blank lines, or a table of columns.

Whether it is a table can only be guessed, so a person is shown its columns and says. Knows no disk.
"""

from typing import NamedTuple

from studio.errors import InputError, TaskError
from studio.tasks.cell import Notes
from studio.tasks.pool import cut_pasted
from studio.tasks.table import Table, find_delimiter, read_csv

_NAME = "The pasted text"


class Pasted(NamedTuple):
    """What looks like a table: its columns and how many rows it has; none if it can't be read, and why."""

    columns: tuple[str, ...]
    rows: int
    words: str = ""


def preview_pasted(text: str) -> Pasted | None:
    """Return the table that a pasted text looks like, None if it is plain lines."""
    if find_delimiter(text.strip(), _NAME) is None:
        return None
    try:
        table = _read_table(text)
    except TaskError as error:
        return Pasted((), 0, str(error))
    return Pasted(tuple(table.columns), len(table.rows)) if len(table.columns) > 1 else None


def read_pasted(text: str, column: str | None = None, answers: str | None = None) -> list[tuple[str, str]]:
    """Return (input, answer) pairs, "" where there is no answer yet. Raises TaskError or InputError in words."""
    if column is None:
        return [(part, "") for part in cut_pasted(text)]
    table = _read_table(text)
    for name in filter(None, (column, answers)):
        if name not in table.columns:
            raise InputError(
                f"There is no column {name[:60]!r}; found {', '.join(table.columns)[:300]}. Choose one of these.",
                field="column",
            )
    rows = [
        (str(row.values.get(column, "")), str(row.values.get(answers, "")) if answers else "") for row in table.rows
    ]
    return [(given.strip(), answer.strip()) for given, answer in rows if given.strip()]


def _read_table(text: str) -> Table:
    table = read_csv(text.strip(), _NAME, Notes())
    if table is None:
        raise InputError("The pasted text is no table. Take it as plain lines.", field="column")
    return table
