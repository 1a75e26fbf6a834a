"""CSV, TSV, Excel and Parquet become rows: columns by name, and for each row its place in words ("line 7").

Knows delimiters, quotes and what spreadsheets do to data. Knows no roles (`mapping.py`) and no tasks. Cells of text
files stay exactly as they are written.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from studio.errors import TaskError
from studio.tasks.archive import check_zip
from studio.tasks.cell import Notes

LONGEST_CELL = 2_000_000
"""Characters of one cell: more is a quotation mark that was never closed."""
MOST_ROWS = 200_000
"""Rows of a spreadsheet or Parquet file that become one task."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class Row(NamedTuple):
    """One row, and where it stands."""

    place: str
    values: dict[str, Any]


class Table(NamedTuple):
    """The columns in their order, and the rows."""

    columns: list[str]
    rows: list[Row]


def read_csv(text: str, name: str, notes: Notes) -> Table | None:
    """Return the table of a delimited text; None if it is none. Raises TaskError naming the line."""
    delimiter = find_delimiter(text, name)
    if delimiter is None:
        return None
    if delimiter != ",":
        notes.say(f"The columns are parted by {_DELIMITERS[delimiter]}; they were read as such.")
    lines = list(_read_quoted(text, delimiter, name, notes))
    header, body = lines[0][1], lines[1:]
    if _is_data(header, body):
        notes.say(
            f"The first line holds values ({', '.join(header)[:60]}) where the names of the columns are expected; it "
            "was read as a row, and the columns were numbered. Write a first line such as input,output."
        )
        body, header = lines, [""] * len(header)
    columns = _name_columns(header, [cells for _, cells in body], notes)
    rows = []
    for line, cells in body:
        if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :]):
            cells = cells[: len(header)]
        if len(cells) != len(header):
            raise TaskError(
                f"{name}, line {line:,}: found {len(cells)} {'value' if len(cells) == 1 else 'values'}, expected "
                f"{len(header)}, one for each column. The line is: {delimiter.join(cells)[:80]!r}. Put a value that "
                'holds the delimiter in double quotes ("), or add what is missing.',
                field=f"line {line}",
            )
        rows.append(Row(f"line {line}", {columns[n]: cell for n, cell in enumerate(cells) if n in columns}))
    if not rows:
        raise TaskError(
            f"{name}: it has a header ({', '.join(header)[:80]}) and no rows below it; at least one row is expected. "
            "Perhaps the export was stopped; export it again.",
            field="file",
        )
    _tell_of_long_values(rows, notes)
    _tell_of_spreadsheets(rows, notes)
    return Table(list(columns.values()), rows)


def _tell_of_long_values(rows: list[Row], notes: Notes) -> None:
    """Tell which values go over several lines: where it wasn't meant, a quotation mark is missing."""
    for row in rows:
        for column, cell in row.values.items():
            if "\n" in cell or "\r" in cell:
                notes.tally(
                    "A value goes over several lines; if the second line is a row of its own, a quotation mark before "
                    "it is missing or one too many",
                    f"{row.place}, {column}",
                )


def find_delimiter(text: str, name: str) -> str | None:
    """Return the delimiter that cuts the first lines into equally many values; None if the text is running text."""
    best: tuple[float, int, str] | None = None
    lines = [line for line in text[:20_000].splitlines()[:50] if line.strip()]
    for delimiter in _DELIMITERS:
        sizes = [len(cells) for cells in csv.reader(lines, delimiter=delimiter)]
        if len(sizes) < 1 or sizes[0] < 2:
            continue
        share = sum(size == sizes[0] for size in sizes) / len(sizes)
        if best is None or (share, sizes[0]) > best[:2]:
            best = (share, sizes[0], delimiter)
    if best is None:
        return None
    share, _, delimiter = best
    named = name.lower().endswith((".csv", ".tsv", ".tab"))
    header = next(csv.reader(lines[:1], delimiter=delimiter))
    looks_named = all(len(cell) <= 60 and not cell.rstrip().endswith((".", "!", "?")) for cell in header)
    return delimiter if named or (share >= 0.9 and len(lines) > 1 and (looks_named or share == 1)) else None


def _read_quoted(text: str, delimiter: str, name: str, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """Every row with its line. Quotation marks that would swallow lines are read as letters, and told."""
    if '"' not in text:
        yield from _read_rows(text, delimiter, csv.QUOTE_NONE)
        return
    physical = [line for line in re.split(r"\r\n|\n|\r", text) if line]
    wide = len(next(csv.reader(physical[:1], delimiter=delimiter)))
    literal = all(line.count(delimiter) == wide - 1 for line in physical)
    fault: _Fault | None = None
    rows: list[tuple[int, list[str]]] = []
    try:
        rows = list(_read_rows(text, delimiter, csv.QUOTE_MINIMAL))
    except _Fault as error:
        fault = error
    if literal and len(rows) < len(physical):
        notes.say(
            f"{name} holds quotation marks that don't enclose values: read as such, {len(physical)} lines would be "
            f"{len(rows)} rows. They were read as letters."
        )
        rows = list(_read_rows(text, delimiter, csv.QUOTE_NONE))
    elif fault is not None and fault.is_open:
        raise TaskError(
            f"{name}, line {fault.line:,}: a quotation mark opens here and is never closed, so all lines after it "
            'would be one value. Close it, or write a quotation mark inside a value twice ("").',
            field=f"line {fault.line}",
        )
    elif fault is not None:
        notes.say(
            f"Line {fault.line:,}: a quotation mark stands inside a quoted value, where two are expected; it was read "
            "as the end of the quoted part. Look at the rows from there on."
        )
        rows = list(_read_rows(text, delimiter, csv.QUOTE_MINIMAL, strict=False))
    yield from rows


class _Fault(Exception):
    """The row that begins at `line` isn't as CSV has it; `is_open`: its quotation mark is never closed."""

    def __init__(self, line: int, is_open: bool) -> None:
        self.line, self.is_open = line, is_open


def _read_rows(text: str, delimiter: str, quoting: Any, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=strict)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _Fault(line, "end of data" in str(error) or "limit" in str(error)) from None
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _is_data(header: list[str], body: list[tuple[int, list[str]]]) -> bool:
    """Whether the first line holds values rather than names."""
    if not any(cell.strip() for cell in header):
        return False
    if any(re.fullmatch(r"-?\d+([.,]\d+)?", cell.strip()) or len(cell) > 80 for cell in header):
        return True
    return any(
        cell.strip() and sum(cells[n] == cell for _, cells in body if n < len(cells)) > 0
        for n, cell in enumerate(header)
    )


def _name_columns(header: list[str], body: list[list[str]], notes: Notes) -> dict[int, str]:
    """Place -> name of each column that holds something; unnamed ones get a number, equal names too."""
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
            given = f"{given} {seen[given]}"
        columns[n] = given
    return columns


def _tell_of_spreadsheets(rows: list[Row], notes: Notes) -> None:
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
            elif re.fullmatch(r"\d[.,]?\d*E\+\d+", cell):
                notes.tally(
                    "A number was rounded by a spreadsheet, and its digits are lost; export the column as text",
                    f"{row.place}, {column}: {cell[:20]}",
                )
            elif cell[0] == "0" and cell.isdigit() and len(cell) > 1:
                notes.tally(
                    "A number begins with zeros, which a spreadsheet would delete; it is kept as text",
                    f"{row.place}, {column}: {cell[:20]}",
                )


def read_excel(data: bytes, name: str, notes: Notes) -> Table:
    """Return the first sheet with rows of an Excel workbook, every cell as text. Raises TaskError in words."""
    check_zip(data, name)
    sheets = _load_sheets(data, name, formulas=True)
    formulas = [cell for _, rows in sheets for cells in rows for cell in cells if cell[:1] == "="]
    if formulas:
        # What a formula last showed; one that was never shown has no value, and stays as the text that it is.
        shown = _load_sheets(data, name, formulas=False)
        sheets = [
            (title, [_take_shown(cells, seen) for cells, seen in zip_longest(rows, values, fillvalue=())])
            for (title, rows), (_, values) in zip(sheets, shown, strict=True)
        ]
        notes.say(
            f"Formulas stand in {len(formulas):,} cell{'s' * (len(formulas) > 1)}, such as {formulas[0][:40]!r}; the "
            "value each last showed was read, or the formula itself where none was saved."
        )
    filled = [(title, rows) for title, rows in sheets if rows]
    if not filled or len(filled[0][1]) < 2:
        raise TaskError(
            f"{name}: the workbook has no sheet with a header and rows. Put the names of the columns into the first "
            "row, and the examples below.",
            field="file",
        )
    title, rows = filled[0]
    if len(filled) > 1:
        others = ", ".join(title for title, _ in filled[1:])[:100]
        notes.say(f"Of the sheets, the first one, {title!r}, was read; left out: {others}.")
    columns = _name_columns(rows[0], rows[1:], notes)
    found = [
        Row(f"row {number}", {column: cells[n] if n < len(cells) else "" for n, column in columns.items()})
        for number, cells in enumerate(rows[1:], start=2)
        if any(cells)
    ]
    _tell_of_spreadsheets(found, notes)
    return Table(list(columns.values()), found)


def _load_sheets(data: bytes, name: str, formulas: bool) -> list[tuple[str, list[list[str]]]]:
    """The sheets with their rows: formulas as they are written, or as what they last showed."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=not formulas)
        return [(sheet.title, _sheet_rows(sheet, name)) for sheet in book.worksheets]
    except TaskError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged part makes it raise
        raise TaskError(
            f"{name}: the Excel workbook is damaged ({str(error)[:100]}). Open it in Excel and save it again, or save "
            "it as CSV (UTF-8).",
            field="file",
        ) from None


def _take_shown(cells: Sequence[str], seen: Sequence[str]) -> list[str]:
    return [shown if cell[:1] == "=" and shown else cell for cell, shown in zip_longest(cells, seen, fillvalue="")]


def _sheet_rows(sheet: Any, name: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for cells in sheet.iter_rows(values_only=True):
        if len(rows) > MOST_ROWS:
            raise TaskError(
                f"{name}: the sheet {sheet.title!r} has more than {MOST_ROWS:,} rows, the most that become one task. "
                "Save it as CSV and bring it as a collection.",
                field="file",
            )
        rows.append([_cell_text(cell) for cell in cells])
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def read_parquet(data: bytes, name: str) -> Table:
    """Return the rows of a Parquet file, their values as JSON has them. Raises TaskError in words."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(arrow.BufferReader(data))
        if file.metadata.num_rows > MOST_ROWS:
            raise TaskError(
                f"{name}: the table has {file.metadata.num_rows:,} rows; one task may have at most {MOST_ROWS:,}. "
                "Keep a part of it, or bring it as a collection.",
                field="file",
            )
        values = file.read().to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise TaskError(
            f"{name}: the Parquet file is damaged ({str(error)[:100]}). Download or save it again.", field="file"
        ) from None
    if not values:
        raise TaskError(f"{name}: the table has no rows. Save it again with its rows.", field="file")
    return Table(list(values[0]), [Row(f"row {number}", make_plain(row)) for number, row in enumerate(values, start=1)])


def make_plain(value: Any) -> Any:
    """Return a value of Arrow as JSON has it: no bytes, dates or tuples, no NaN."""
    if isinstance(value, dict):
        return {str(key): make_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [make_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
