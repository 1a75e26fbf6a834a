"""One file with more rows than memory should hold, read in parts: JSON Lines, delimited tables, Parquet.

Each part is a reading of the same task. The mapping is decided by the first rows; a row that can't be read is passed on
as an error of its own, and the rest goes on. Ids are given by place, so that no list of all ids is kept.
"""

import csv
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_text
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import AS_IT_IS, ReadAs, Reading
from studio.tasks.reading.columnar import stream_columnar
from studio.tasks.reading.decoding import decode, find_container
from studio.tasks.reading.delimited import find_delimiter, say_ragged
from studio.tasks.reading.guess import Guess
from studio.tasks.reading.header import Line, find_frame
from studio.tasks.reading.parsing import read_number
from studio.tasks.reading.row import RowReader, are_chats, find_first_choice
from studio.tasks.reading.rows import MappingNeeded, ask_for_columns, list_columns, preview_table, tell_unused
from studio.tasks.reading.slug import make_task_id
from studio.tasks.reading.table import LONGEST_CELL, Row, Table, name_columns
from studio.tasks.task import Instance, Origin, Task

PART = 5_000
"""Rows of one part."""
_LOOKED_AT = 50
_LOOKED_AT_FOR_HEADER = 500
_BEGINNING = 1_000_000
"""Bytes from which the kind of file and its encoding are told."""


def can_stream(path: Path) -> bool:
    """Say whether a path is one file of rows, rather than a folder, an archive or a single JSON value."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        beginning = file.read(_BEGINNING)
    kind = find_container(beginning)
    if kind == "text":
        first = beginning.lstrip()[:1]
        line, _, rest = beginning.lstrip().partition(b"\n")
        return first not in (b"{", b"[") or (bool(rest.strip()) and _is_object(line))
    return kind in ("parquet", "arrow")


def is_archive(path: Path) -> bool:
    """Say whether a path is a ZIP archive of files, going by its content."""
    with open(path, "rb") as file:
        beginning = file.read(4096)
        file.seek(max(0, path.stat().st_size - 65536))
        return find_container(beginning + file.read()) == "zip"


def stream_file(
    path: Path, name: str, mapping: Mapping | None = None, read_as: ReadAs = AS_IT_IS
) -> Iterator[tuple[str, Reading | TaskError]]:
    """Yield the parts of a file's one task, and an error for each row that can't be read.

    Raises MappingNeeded if the columns don't say what they are, ChoiceNeeded if its encoding can't be told, or
    TaskError for the file as a whole.
    """
    notes = Notes()
    rows = _read_rows(path, name, notes, read_as)
    first: list[Row | TaskError] = list(islice(rows, _LOOKED_AT))
    whole = [row for row in first if isinstance(row, Row)]
    if not whole:
        raise next((row for row in first if isinstance(row, TaskError)), TaskError(f"{name}: the file has no rows."))
    table = Table(list(dict.fromkeys(key for row in whole for key in row.values)), whole)
    preview = preview_table(table)
    if mapping is None and not preview.guess.sure:
        raise MappingNeeded(f"{name}: {ask_for_columns(preview)}", preview)
    chosen = mapping or preview.guess.mapping
    assert chosen is not None
    chosen.check([*table.columns, *list_columns(table)])
    yield from _make_parts(chain(first, rows), name, chosen, preview.guess, table, notes)


def _make_parts(
    rows: Iterator[Row | TaskError], name: str, mapping: Mapping, guess: Guess, table: Table, notes: Notes
) -> Iterator[tuple[str, Reading | TaskError]]:
    task_id = make_task_id(name)
    first = [row.values for row in table.rows]
    as_chat = are_chats(mapping, first)
    tell_unused(mapping, guess, table.columns, notes)
    reader = RowReader(mapping, task_id, notes, False, as_chat, find_first_choice(mapping, first))
    reader.ids = _Places(task_id)
    shell = Task(
        task_id=task_id,
        definition="",
        instances=(Instruction(id="-", input="", output=("-",)),),
        kind="chat" if as_chat else mapping.kind,
        origin=Origin(format=guess.format if mapping == guess.mapping else "a table", mapping=mapping),
    )
    part: list[Instance] = []
    for row in rows:
        try:
            if isinstance(row, TaskError):
                raise row
            part.append(reader.read(row.values, row.place))
        except TaskError as error:
            yield name, TaskError(f"{name}: {error}", field=error.field)
        if len(part) >= PART:
            yield name, Reading(task=shell.model_copy(update={"instances": tuple(part)}))
            part = []
    if part:
        yield name, Reading(task=shell.model_copy(update={"instances": tuple(part)}), warnings=notes.texts())


class _Places:
    """Ids by place in the file: given ones are taken as they are."""

    def __init__(self, task_id: str) -> None:
        self.prefix = task_id.split("_")[0][:40]

    def choose(self, given: Any, text: str, output: tuple[str, ...], place: str) -> str:
        """Return the id that was given, or the row's place."""
        if isinstance(given, int | str) and not isinstance(given, bool) and given != "":
            return check_text(str(given), f"{place}.id")
        return f"{self.prefix}-{place.rsplit(' ', 1)[-1]}"


def _read_rows(path: Path, name: str, notes: Notes, read_as: ReadAs) -> Iterator[Row | TaskError]:
    with open(path, "rb") as file:
        beginning = file.read(_BEGINNING)
    if find_container(beginning) in ("parquet", "arrow"):
        yield from stream_columnar(path, name, notes)
    elif beginning.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{":
        yield from _read_lines(path)
    else:
        yield from _read_delimited(path, name, beginning, notes, read_as)


def _read_lines(path: Path) -> Iterator[Row | TaskError]:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"line {number}"
            if not line.strip():
                continue
            try:
                value = json.loads(
                    line.removeprefix(b"\xef\xbb\xbf"), parse_constant=lambda word: None, parse_float=read_number
                )
            except (ValueError, RecursionError) as error:
                yield TaskError(
                    f"{place}: this is no JSON object ({str(error)[:80]}). JSON Lines has one object a line.",
                    field=place,
                )
                continue
            if isinstance(value, dict):
                yield Row(place, value)
            else:
                yield TaskError(f'{place}: an object is expected, such as {{"input": ...}}.', field=place)


def _read_delimited(
    path: Path, name: str, beginning: bytes, notes: Notes, read_as: ReadAs
) -> Iterator[Row | TaskError]:
    is_wide = b"\x00" in beginning[:200]  # UTF-16, whose line breaks are no single bytes
    decoded = decode(
        beginning if is_wide else beginning[: beginning.rfind(b"\n") + 1] or beginning, name, read_as.encoding
    )
    for words in decoded.warnings:
        notes.say(words)
    delimiter = find_delimiter(decoded.text, name)
    if delimiter is None:
        raise TaskError(
            f"{name}: this large file is neither JSON Lines, a delimited table nor Parquet. Save it as one of these.",
            field="file",
        )
    with open(path, encoding=decoded.encoding, errors="replace", newline="") as file:
        lines = _number_lines(csv.reader(file, delimiter=delimiter))
        first = list(islice(lines, _LOOKED_AT_FOR_HEADER))
        if not any(any(map(str.strip, cells)) for _, cells in first):
            raise TaskError(f"{name}: its first {len(first):,} rows are blank. Remove them.", field="file")
        frame = find_frame(first, notes)
        names = name_columns(frame.header, [cells for _, cells in frame.body], notes)
        header = [names.get(n, f"column {n + 1}") for n in range(len(frame.header))]
        for line, cells in chain(frame.body, lines):
            if len(cells) == len(header):
                yield Row(f"line {line}", dict(zip(header, cells, strict=True)))
            else:
                yield say_ragged(name, line, cells, len(header), delimiter)


def _number_lines(reader: Any) -> Iterator[Line]:
    """Every row with the line it begins in."""
    csv.field_size_limit(LONGEST_CELL)
    line = 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.removeprefix(b"\xef\xbb\xbf")), dict)
    except (ValueError, RecursionError):
        return False
