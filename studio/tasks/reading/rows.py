"""Rows become a Task: the form is recognised, or a mapping is asked for; rows that can't be read are named together.

Knows what the neighbours' formats look like as a whole, such as Alpaca's list or a wrapper around it. One row is read
in `row.py`. Knows no bytes.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_text, describe
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import Offer
from studio.tasks.reading.choice import read_choices
from studio.tasks.reading.conversation import looks_like_turns
from studio.tasks.reading.guess import Guess, guess_mapping, propose_definition
from studio.tasks.reading.limits import check_cells, check_columns
from studio.tasks.reading.role import NoAnswer, get_value
from studio.tasks.reading.row import NothingToLearn, RowReader, are_chats, find_first_choice
from studio.tasks.reading.table import Row, Table
from studio.tasks.task import Instance, Origin, Task

_LOOKED_AT = 50
"""Rows that a guess is made from, beside some of the others."""
_SHOWN = 5
_DEEPEST = 2
_MOST_KEYS = 30


class Preview(BaseModel):
    """The first rows of a table, its columns, which role each could play, and how else its file could be read."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    count: int
    guess: Guess
    offers: tuple[Offer, ...] = ()


class MappingNeeded(TaskError):
    """The columns can't be told apart for sure: a person has to say which is which. `preview` shows them."""

    preview: Preview

    def __init__(self, message: str, preview: Preview) -> None:
        super().__init__(message, field="mapping")
        self.preview = preview


def make_table(values: Sequence[Any], word: str, lines: Sequence[int] | None = None) -> Table:
    """Return the table of JSON objects, which are at `word` ("row", "line") 1, 2, ... Raises TaskError."""
    rows: list[Row] = []
    cells = 0
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
        rows += (expanded := _expand(value, place))
        cells += sum(len(row.values) for row in expanded)
        check_cells(cells, f"The file, {place}")
    columns = list(dict.fromkeys(key for row in rows for key in row.values))
    check_columns(len(columns), "The file")
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
    """Return what the form of the mapping shows of a table; keys within a column's objects where they may be meant."""
    rows = _sample(table)
    columns = table.columns
    guess = guess_mapping(rows, columns)
    inner = [] if guess.sure else list_columns(table)
    if inner != columns and inner:
        found = guess_mapping([{name: get_value(row, name) for name in inner} for row in rows], inner)
        if found.mapping is not None or guess.mapping is None:
            columns, guess = inner, found
    if guess.mapping:
        definition = propose_definition(guess.mapping, [row.values for row in table.rows])
        guess = guess.model_copy(update={"definition": definition})
    return Preview(
        columns=tuple(columns),
        rows=tuple({name: get_value(row.values, name) for name in columns} for row in table.rows[:_SHOWN]),
        count=len(table.rows) + len(table.faults),
        guess=guess,
    )


def _sample(table: Table) -> list[dict[str, Any]]:
    """Rows that a guess is made from: the first, some others, and of each column one in which it says something."""
    rows = [row.values for row in table.rows]
    seen = rows[:_LOOKED_AT] + rows[_LOOKED_AT :: max(1, len(rows) // _LOOKED_AT)]
    for column in table.columns:
        if not any(row.get(column) for row in seen):
            seen += [row for row in rows if row.get(column)][:1]
    return seen


def list_columns(table: Table) -> list[str]:
    """Return the columns, of those that hold objects the keys within: `data.question`."""
    rows = [row.values for row in table.rows[:_LOOKED_AT]]
    return [inner for column in table.columns for inner in _list_inner(column, [row.get(column) for row in rows], 0)]


def _list_inner(name: str, values: list[Any], depth: int) -> list[str]:
    there = [value for value in values if value is not None]
    whole = [looks_like_turns(value) or read_choices(name, value) or "messages" in value
             for value in there if isinstance(value, dict)]  # fmt: skip
    if not there or len(whole) < len(there) or any(whole) or depth > _DEEPEST:
        return [name]
    keys = dict.fromkeys(check_text(key, f"{name}, a key") for value in there for key in value)
    return [
        inner
        for key in list(keys)[:_MOST_KEYS]
        for inner in _list_inner(f"{name}.{key}", [value.get(key) for value in there], depth + 1)
    ] or [name]


def read_rows(
    table: Table, task_id: str, notes: Notes, mapping: Mapping | None = None, leave_out: bool = False
) -> Task:
    """Return the task of a table's rows.

    Without a mapping, only a form that is known for sure is read; otherwise raises MappingNeeded, which has the
    columns and a guess. Rows that can't be read raise a TaskError that names the first and counts the others; with
    `leave_out` they are left out, and noted.
    """
    preview = preview_table(table)
    guess = preview.guess
    chosen = mapping or (guess.mapping if guess.sure else None)
    if chosen is None:
        raise ask_for_columns(preview)
    chosen.check([*table.columns, *list_columns(table)])
    form = (table.form or guess.format) if chosen == guess.mapping else "a table"
    instruction = _find_one_instruction(table, chosen)
    values = [row.values for row in table.rows]
    as_chat = are_chats(chosen, values)
    reader = RowReader(chosen, task_id, notes, bool(instruction), as_chat, find_first_choice(chosen, values))
    instances = _read_all(table, reader, notes, leave_out)
    notes.say(f"The file was read as {form}: {say_roles(chosen)}.")
    tell_unused(chosen, guess, table.columns, notes)
    return Task(
        task_id=task_id,
        definition=instruction,
        instances=tuple(instances),
        kind="chat" if as_chat else chosen.kind,
        origin=Origin(format=form, mapping=chosen),
    )


def ask_for_columns(preview: Preview) -> MappingNeeded:
    """Return the question which column is what, with a proposal that names what it doesn't use."""
    guess = preview.guess
    unused = f" Not used: {', '.join(guess.unused)[:300]}." if guess.unused else ""
    proposal = f"A guess: {say_roles(guess.mapping)}.{unused}" if guess.mapping else "No column looks like the answer."
    return MappingNeeded(
        f"The columns are {', '.join(preview.columns)[:300]}, and their names don't say for sure which the model reads "
        f"and which it should write. {proposal} Choose input and output.",
        preview,
    )


def say_roles(mapping: Mapping) -> str:
    """Return a mapping in words: "input from question, output from answer"."""
    return ", ".join(f"{role} from {' and '.join(columns)}" for role, columns in mapping.to_json().items())


def tell_unused(mapping: Mapping, guess: Guess, columns: Sequence[str], notes: Notes) -> None:
    """Tell which columns play no part; those that only repeat others by themselves."""
    known = mapping == guess.mapping
    used = mapping.columns
    unused = [name for name in columns if name not in used and not any(other.startswith(f"{name}.") for other in used)]
    repeated = [name for name in guess.repeated if known and name in unused]
    for name in repeated:
        notes.say(f"Not used, since it only repeats what the others say: {name}.")
    if rest := [name for name in unused if name not in repeated]:
        notes.say(f"Not used: {', '.join(rest)[:300]}. Their values are kept with each row.")


def _find_one_instruction(table: Table, mapping: Mapping) -> str:
    """The instruction that all rows share, which is then the task's definition."""
    if not mapping.instruction or not mapping.input or mapping.kind != "instruction":
        return ""
    said = {str(get_value(row.values, mapping.instruction[0])) for row in table.rows}
    blank = any(not str(get_value(row.values, column) or "").strip() for column in mapping.input for row in table.rows)
    return said.pop() if len(said) == 1 and not blank and len(table.rows) > 1 else ""


def _read_all(table: Table, reader: RowReader, notes: Notes, leave_out: bool) -> list[Instance]:
    instances: list[Instance] = []
    refused: list[tuple[str, TaskError]] = list(table.faults)
    unlearnt: list[tuple[str, TaskError]] = []
    for row in table.rows:
        try:
            instances.append(reader.read(row.values, row.place))
        except NothingToLearn as error:
            unlearnt.append((row.place, error))
        except TaskError as error:
            refused.append((row.place, error))
    for place, fault in unlearnt:
        notes.repair("unlearnt", "A row that is marked as not to be learnt was left out", place, str(fault))
    if not instances and not refused:
        raise TaskError(
            f"All {len(unlearnt):,} rows are marked as not to be learnt. {unlearnt[0][1]} Set the mark on those that "
            "are to be learnt, or delete it.",
            field="file",
        )
    if not refused:
        return instances
    first = refused[0][1]
    if leave_out and instances:
        for place, fault in refused:
            if isinstance(fault, NoAnswer) and fault.asked:
                notes.unanswered.append(fault.asked)
                notes.repair("unanswered", "A row without an answer was left out, to be labelled", place, fault.asked)
            else:
                notes.repair("rows", "A row that can't be read was left out", place, str(fault))
        return instances
    others = ", ".join(place for place, _ in refused[1:4])
    more = f" {len(refused) - 1:,} other rows have problems too ({others}{', ...' if len(refused) > 4 else ''})."
    total = len(table.rows) + len(table.faults)
    way = f" Or leave out the {len(refused):,} of {total:,} rows that can't be read."
    raise TaskError(
        f"{first}{more if len(refused) > 1 else ''}{way if len(refused) < total else ''}", field=first.field
    )
