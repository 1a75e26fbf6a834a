"""Delimited text becomes a table: which delimiter, which quotes, and every cell exactly as it is written.

Knows CSV, TSV and what spreadsheets put around them (`sep=;`, titles, comments). Knows no roles and no tasks. A row of
another width is a fault of that row, told with its line; the others stay.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import dropwhile
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.reading.header import Line, find_frame
from studio.tasks.reading.limits import check_cells, check_columns
from studio.tasks.reading.table import LONGEST_CELL, Row, Table, name_columns, tell_of_spreadsheets

_DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
"""In the order in which they are believed where two would do: texts hold commas."""
MARKED = re.compile(r"'+[=+\-@\t\r]")
"""How a cell begins that would be a formula, and is kept as text by an apostrophe."""
_RULE = re.compile(r"\|?[ \t]*:?-{2,}:?[ \t]*(\|[ \t]*:?-{2,}:?[ \t]*)*\|?")
_ONE_COLUMN = "\x1f"
"""A delimiter that no text holds, for a table of one column, whose cells may hold commas."""
_SEP = re.compile(r"\ufeff?\"?sep=(.)\"?[ \t]*(\r\n|\n|\r|$)", re.I)


def read_csv(text: str, name: str, notes: Notes) -> Table | None:
    """Return the table of a delimited text; None if it is none. Raises TaskError naming the line."""
    delimiter = find_delimiter(text, name)
    if delimiter is None:
        return None
    if delimiter not in (",", _ONE_COLUMN):
        notes.say(f"Columns are separated by {_DELIMITERS.get(delimiter, repr(delimiter))}.")
    told = _SEP.match(text)
    lines = list(_read_quoted(text[told.end() :] if told else text, delimiter, name, notes))
    if told:
        lines = [(line + 1, cells) for line, cells in lines]
    if not any(any(map(str.strip, cells)) for _, cells in lines):
        return None
    if delimiter == "|":
        lines = _take_off_rules(lines, notes)
    width = max(len(cells) for _, cells in lines)
    check_columns(width, name)
    check_cells(sum(len(cells) for _, cells in lines), name)
    header, body = find_frame(lines, notes)
    columns = name_columns(header, [cells for _, cells in body], notes)
    rows: list[Row] = []
    faults: list[tuple[str, TaskError]] = []
    for line, cells in body:
        if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :]):
            cells = cells[: len(header)]
        if len(cells) != len(header):
            is_cut = line == body[-1][0] and len(cells) < len(header) and text[-1:] not in "\r\n"
            faults.append((f"line {line}", say_ragged(name, line, cells, len(header), delimiter, is_cut)))
        else:
            rows.append(Row(f"line {line}", {columns[n]: cell for n, cell in enumerate(cells) if n in columns}))
    if not rows and not faults:
        raise TaskError(
            f"{name}: it has a header ({', '.join(header)[:80]}) and no rows below it; at least one row is expected. "
            "Perhaps the export was stopped; export it again.",
            field="file",
        )
    if len(faults) > len(rows):
        raise faults[0][1]
    if list(columns.values()) == ["input", "output"] and "\r\n" in text:
        rows = [_take_off_marks(row, notes) for row in rows]
    _tell_of_long_values(rows, notes)
    tell_of_spreadsheets(rows, notes)
    return Table(list(columns.values()), rows, tuple(faults))


def _take_off_rules(lines: list[Line], notes: Notes) -> list[Line]:
    """The rows of a Markdown table without the rule below its header, and without the blanks beside its bars."""
    rules = [line for line, cells in lines if _RULE.fullmatch("|".join(cells).strip())]
    if not rules:
        return lines
    notes.tally("A rule of a Markdown table was left out", f"line {rules[0]}")
    return [(line, [cell.strip() for cell in cells]) for line, cells in lines if line != rules[0]]


def _take_off_marks(row: Row, notes: Notes) -> Row:
    """A row of a table that a studio wrote, without the apostrophes that keep spreadsheets from running its cells."""
    values = {}
    for column, cell in row.values.items():
        values[column] = cell[1:] if MARKED.match(cell) else cell
        if values[column] is not cell:
            notes.repair(
                "marks",
                "An apostrophe that marks a cell as text was left out",
                f"{row.place}, {column}",
                cell,
                cell[1:],
            )
    return row._replace(values=values)


def say_ragged(name: str, line: int, cells: list[str], width: int, delimiter: str, is_cut: bool = False) -> TaskError:
    """An error for a row that has more or fewer values than there are columns."""
    way = (
        "The file stops in the middle of this line; download or export it again."
        if is_cut
        else 'Put a value that holds the delimiter in double quotes ("), or add what is missing.'
    )
    return TaskError(
        f"{name}, line {line:,}: found {len(cells)} {'value' if len(cells) == 1 else 'values'}, expected {width}, one "
        f"for each column. The line is: {delimiter.join(cells)[:80]!r}. {way}",
        field=f"line {line}",
    )


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
    told = _SEP.match(text)
    if told:
        return told[1]
    lines = [line for line in re.split(r"\r\n|\n|\r", text[:20_000])[:50] if line.strip()]
    plain = list(dropwhile(lambda line: line.lstrip().startswith("#"), lines)) or lines
    best: tuple[float, str, int] | None = None
    for delimiter in _DELIMITERS:
        sizes = [len(cells) for cells in csv.reader(plain, delimiter=delimiter)]
        usual = max(Counter(size for size in sizes if size > 1).items(), key=lambda one: one[1], default=(0, 0))
        if usual[0] and (best is None or usual[1] / len(sizes) > best[0]):
            best = (usual[1] / len(sizes), delimiter, usual[0])
    named = name.lower().endswith((".csv", ".tsv", ".tab"))
    if best is None or (named and best[0] <= 0.5 and len(next(csv.reader(plain, delimiter=best[1]))) == 1):
        return _ONE_COLUMN if named and len(plain) > 1 else None
    share, delimiter, width = best
    header = next((cells for cells in csv.reader(plain, delimiter=delimiter) if len(cells) == width), [])
    looks_named = all(len(cell) <= 60 and not cell.rstrip().endswith((".", "!", "?")) for cell in header)
    if named:
        return delimiter
    return delimiter if share >= 0.9 and len(plain) > 1 and (looks_named or share == 1) else None


def _read_quoted(text: str, delimiter: str, name: str, notes: Notes) -> Iterator[Line]:
    """Every row with its line. Quotation marks that would swallow lines are read as letters, and told."""
    if '"' not in text:
        yield from _read_rows(text, delimiter, csv.QUOTE_NONE)
        return
    physical = [line for line in re.split(r"\r\n|\n|\r", text) if line]
    wide = len(next(csv.reader(physical[:1], delimiter=delimiter)))
    literal = wide > 1 and all(line.count(delimiter) == wide - 1 for line in physical)
    fault: _Fault | None = None
    rows: list[Line] = []
    try:
        rows = list(_read_rows(text, delimiter, csv.QUOTE_MINIMAL))
    except _Fault as error:
        fault = error
    is_regular = delimiter != "\t" and fault is None and all(len(cells) in (0, wide) for _, cells in rows)
    if literal and not is_regular and sum(bool(cells) for _, cells in rows) < len(physical):
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
            f"Line {fault.line:,}: a quotation mark is inside a quoted value, where two are expected; it was read "
            "as the end of the quoted part. Look at the rows from there on."
        )
        rows = list(_read_rows(text, delimiter, csv.QUOTE_MINIMAL, strict=False))
    yield from rows


class _Fault(TaskError):
    """The row that begins at `line` isn't as CSV has it; `is_open`: its quotation mark is never closed."""

    def __init__(self, line: int, is_open: bool) -> None:
        super().__init__(
            f"Line {line:,}: one value has more than {LONGEST_CELL:,} letters, or holds a quotation mark that is never "
            'closed. Shorten it, or write a quotation mark inside a value twice ("").',
            field=f"line {line}",
        )
        self.line, self.is_open = line, is_open


def _read_rows(text: str, delimiter: str, quoting: Any, strict: bool = True) -> Iterator[Line]:
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
        yield line, cells
        line = reader.line_num + 1
