"""What a file may become: how many columns, cells and letters. A small file can say that it is a very large table.

Counted while a table is made, before the memory is taken. Knows no formats; each reader asks here.
"""

from studio.errors import TaskError
from studio.tasks.reading.table import Table

MOST_COLUMNS = 2_000
MOST_CELLS = 5_000_000
"""Of one task: 200,000 rows of 25 columns."""
MOST_LETTERS = 256_000_000
"""Of all cells of one task, each counted where it is: a text that is kept once may be shown in every row."""
_WAY_OUT = "Keep the columns and rows that are to be learnt from, and upload that."


def check_columns(count: int, name: str) -> None:
    """Raise TaskError if a table has more columns, or an object more keys, than one task may have."""
    if count > MOST_COLUMNS:
        raise TaskError(
            f"{name}: found {count:,} columns; a task has at most {MOST_COLUMNS:,}. {_WAY_OUT}", field="file"
        )


def check_cells(count: int, name: str) -> None:
    """Raise TaskError if a table has more cells, blank ones included, than one task may have."""
    if count > MOST_CELLS:
        raise TaskError(
            f"{name}: rows times columns come to {count:,} cells; a task has at most {MOST_CELLS:,}. {_WAY_OUT}",
            field="file",
        )


def check_letters(count: int, name: str) -> None:
    """Raise TaskError if the texts of all cells come to more letters, or bytes, than one task may have."""
    if count > MOST_LETTERS:
        raise TaskError(
            f"{name}: its cells hold {count // 1_000_000:,} million letters once they are unpacked; a task has at most "
            f"{MOST_LETTERS // 1_000_000:,} million. {_WAY_OUT}",
            field="file",
        )


def check_table(table: Table, name: str) -> Table:
    """Return a table that keeps to all limits. Raises TaskError in words, saying which it passes."""
    check_columns(len(table.columns), name)
    check_cells(sum(len(row.values) for row in table.rows), name)
    check_letters(sum(len(cell) for row in table.rows for cell in row.values.values() if isinstance(cell, str)), name)
    return table
