"""The first rows of a table as a mapping reads them: what a person looks at before a file is imported.

Each row is shown as its kind says it, turn by turn, with what is learnt of it; a row that can't be read says why. Keeps
nothing, and knows no page.
"""

from typing import Any, NamedTuple

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.dialogue import write_dialogue
from studio.tasks.mapping import Mapping
from studio.tasks.prompt import REASONING
from studio.tasks.reading.rows import Preview, read_rows
from studio.tasks.reading.table import Row, Table
from studio.tasks.task import Instance, Task
from studio.tasks.tool import say_calls

_SHOWN = 3


class Said(NamedTuple):
    """One turn of a row: who speaks, what, and whether it is learnt."""

    who: str
    text: str
    learnt: bool


class TriedRow(NamedTuple):
    """One row as it would be read, or why it can't be."""

    turns: tuple[Said, ...]
    tools: tuple[str, ...] = ()
    fault: str = ""


class Trial(NamedTuple):
    """The first rows, and the columns that play no part."""

    rows: tuple[TriedRow, ...]
    unused: tuple[str, ...]


def try_mapping(preview: Preview, mapping: Mapping, definition: str = "") -> Trial:
    """Return the first rows of a table as a mapping reads them. Raises TaskError for a column that isn't there."""
    mapping.check(preview.columns)
    rows = [Row(f"row {number}", values) for number, values in enumerate(preview.rows, start=1)]
    table = Table(list(preview.columns), rows)
    try:
        task = read_rows(table, "task", Notes(), mapping)
        tried = [_show(task, instance, definition) for instance in task.instances[:_SHOWN]]
    except TaskError:  # of some row: each is looked at by itself, so that the others are seen
        tried = [_try_row(table, row, mapping, definition) for row in rows[:_SHOWN]]
    return Trial(tuple(tried), tuple(name for name in preview.columns if name not in mapping.columns))


def _try_row(table: Table, row: Row, mapping: Mapping, definition: str) -> TriedRow:
    try:
        task = read_rows(table._replace(rows=[row]), "task", Notes(), mapping)
    except TaskError as error:
        return TriedRow((), fault=str(error))
    return _show(task, task.instances[0], definition)


def _show(task: Task, instance: Instance, definition: str) -> TriedRow:
    if definition and not task.definition:
        task = task.model_copy(update={"definition": definition})
    dialogue = write_dialogue(task, instance)
    names = (
        {"assistant": "text"} if "text" in instance.forms else {"user": "input"} if dialogue.input is not None else {}
    )
    turns = [
        Said(names.get(turn["role"], turn["role"]), _say(turn), learnt)
        for turn, learnt in zip(dialogue.turns, dialogue.counts, strict=True)
    ]
    if instance.rejected:
        turns.append(Said("rejected", instance.rejected, False))
    if instance.liked is not None:
        turns.append(Said("verdict", "good" if instance.liked else "bad", False))
    tools = (str(tool.get("function", {}).get("name", "?")) for tool in dialogue.tools)
    return TriedRow(tuple(turns), tuple(tools))


def _say(turn: dict[str, Any]) -> str:
    """What a turn says, what it thought before, and the tools it calls."""
    thought = next((turn[key] for key in REASONING if turn.get(key)), "")
    said = [str(thought), turn.get("content") or "", say_calls(turn["tool_calls"]) if turn.get("tool_calls") else ""]
    return "\n".join(text for text in said if text)
