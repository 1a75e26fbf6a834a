"""Rows become a Task: the form is recognised, or a mapping is asked for; rows that can't be read are named together.

Knows what the neighbours' formats look like as a whole, such as Alpaca's list or a wrapper around it. One row is read
in `row.py`. Knows no bytes.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_text, describe
from studio.tasks.mapping import Guess, Mapping, guess_mapping
from studio.tasks.row import RowReader
from studio.tasks.table import Row, Table
from studio.tasks.task import Instance, Origin, Task

_LOOKED_AT = 50
"""Rows that a guess is made from."""


class Preview(BaseModel):
    """The first rows of a table, its columns, and which role each could play."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    count: int
    guess: Guess


class MappingNeeded(TaskError):
    """The columns can't be told apart for sure: a person has to say which is which. `preview` shows them."""

    def __init__(self, message: str, preview: Preview) -> None:
        super().__init__(message, field="mapping")
        self.preview = preview


def make_table(values: Sequence[Any], word: str, lines: Sequence[int] | None = None) -> Table:
    """Return the table of JSON objects, which stand at `word` ("row", "line") 1, 2, ... Raises TaskError."""
    rows: list[Row] = []
    for number, value in enumerate(values, start=1):
        place = f"{word} {lines[number - 1] if lines else number}"
        if not isinstance(value, dict):
            raise TaskError(
                f"{place}: found {describe(value)}, expected an object such as "
                '{"instruction": "...", "output": "..."}. Write every row in that form.',
                field=place,
            )
        for key in value:
            check_text(key, f"{place}, a key")
        rows += _expand(value, place)
    columns = list(dict.fromkeys(key for row in rows for key in row.values))
    if not columns:
        raise TaskError(
            f"{word} 1: found an empty object, expected one such as "
            '{"instruction": "...", "output": "..."}. Write every row in that form.',
            field=f"{word} 1",
        )
    return Table(columns, rows)


def _expand(value: dict[str, Any], place: str) -> list[Row]:
    """A row that holds instances of its own (self-instruct's seeds, Tk-Instruct's rows) becomes one for each."""
    inner = value.get("instances")
    if "instruction" in value and isinstance(inner, list) and all(isinstance(item, dict) for item in inner):
        rest = {key: item for key, item in value.items() if key not in ("instances", "id")}
        many = len(inner) > 1
        return [
            Row(
                f"{place}.instances[{n}]" if many else place,
                {
                    **rest,
                    **({"id": f"{value['id']}-{n}" if many else value["id"]} if "id" in value else {}),
                    **item,
                },
            )
            for n, item in enumerate(inner)
        ]
    own = value.get("Instance")
    if isinstance(own, dict) and "Definition" in value:
        said = value["Definition"]
        rest = {key: item for key, item in value.items() if key not in ("Instance", "Definition")}
        return [Row(place, {"instruction": said[0] if isinstance(said, list) and said else said, **rest, **own})]
    return [Row(place, value)]


def preview_table(table: Table) -> Preview:
    """Return what the form of the mapping shows of a table."""
    guess = guess_mapping([row.values for row in table.rows[:_LOOKED_AT]], table.columns)
    return Preview(
        columns=tuple(table.columns),
        rows=tuple(row.values for row in table.rows[:5]),
        count=len(table.rows) + len(table.faults),
        guess=guess,
    )


def read_rows(
    table: Table, task_id: str, notes: Notes, mapping: Mapping | None = None, leave_out: bool = False
) -> Task:
    """Return the task of a table's rows.

    Without a mapping, only a form that is known for sure is read; otherwise raises MappingNeeded, which brings the
    columns and a guess. Rows that can't be read raise a TaskError that names the first and counts the others; with
    `leave_out` they are left out, and noted.
    """
    guess = preview_table(table).guess
    if mapping is None and not guess.sure:
        raise _ask(table)
    chosen = mapping or guess.mapping
    if chosen is None:
        raise _ask(table)
    chosen.check(table.columns)
    form = guess.format if chosen == guess.mapping else "a table"
    instruction = _find_one_instruction(table, chosen)
    as_chat = chosen.kind == "instruction" and any(
        row.values.get(column) for column in chosen.system + chosen.history for row in table.rows
    )
    reader = RowReader(chosen, task_id, notes, bool(instruction), as_chat)
    instances = _read_all(table, reader, notes, leave_out)
    notes.say(f"The file was read as {form}: {_say_roles(chosen)}.")
    return Task(
        task_id=task_id,
        definition=instruction,
        instances=tuple(instances),
        kind="chat" if as_chat else chosen.kind,
        origin=Origin(format=form, mapping=chosen),
    )


def _ask(table: Table) -> MappingNeeded:
    preview = preview_table(table)
    guess = preview.guess.mapping
    proposal = f"A guess: {_say_roles(guess)}." if guess else "No column looks like the answer."
    return MappingNeeded(
        f"The columns are {', '.join(table.columns)[:300]}, and their names don't say for sure which the model reads "
        f"and which it should write. {proposal} Choose input and output.",
        preview,
    )


def _say_roles(mapping: Mapping) -> str:
    return ", ".join(f"{role} from {' and '.join(columns)}" for role, columns in mapping.to_json().items())


def _find_one_instruction(table: Table, mapping: Mapping) -> str:
    """The instruction that all rows share, which is then the task's definition."""
    if not mapping.instruction or not mapping.input or mapping.kind != "instruction":
        return ""
    said = {str(row.values.get(mapping.instruction[0])) for row in table.rows}
    blank = any(not str(row.values.get(column) or "").strip() for column in mapping.input for row in table.rows)
    return said.pop() if len(said) == 1 and not blank and len(table.rows) > 1 else ""


def _read_all(table: Table, reader: RowReader, notes: Notes, leave_out: bool) -> list[Instance]:
    instances: list[Instance] = []
    refused: list[tuple[str, TaskError]] = list(table.faults)
    for row in table.rows:
        try:
            instances.append(reader.read(row.values, row.place))
        except TaskError as error:
            refused.append((row.place, error))
    if not refused:
        return instances
    first = refused[0][1]
    if leave_out and instances:
        for place, fault in refused:
            notes.mend("rows", "A row that can't be read was left out", place, str(fault))
        return instances
    others = ", ".join(place for place, _ in refused[1:4])
    more = f" So have {len(refused) - 1:,} other rows a fault ({others}{', ...' if len(refused) > 4 else ''})."
    total = len(table.rows) + len(table.faults)
    way = f" Or leave out the {len(refused):,} of {total:,} rows that can't be read."
    raise TaskError(
        f"{first}{more if len(refused) > 1 else ''}{way if len(refused) < total else ''}", field=first.field
    )
