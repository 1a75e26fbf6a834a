"""Inputs that wait for an answer: pasted or uploaded as a file, labelled one by one, then instances of the task.

A task itself only ever holds instances that can be trained on; what has no answer yet is beside it, in
`tasks/<task_id>/waiting.jsonl`, to which lines are only added. An input is done when the task has an instance
of its id.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from studio.journal import append_lines, read_lines
from studio.tasks.cell import Notes, check_text
from studio.tasks.edit import AddInstance
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.labels.labelling import Label, agreed_answers
from studio.tasks.reading.schema import Ids
from studio.tasks.task import Task
from studio.workspace import disk_errors_in_words

_FILE = "waiting.jsonl"


class Waiting(NamedTuple):
    """An input without an answer."""

    id: str
    input: str


def add_inputs(folder: Path, task: Task, inputs: Iterable[str]) -> list[Waiting]:
    """Add inputs to those that wait in a task's folder, and return the new ones; what is there already is left out."""
    with disk_errors_in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".waiting.lock"):
            there = read_waiting(folder)
            known = {item.input.strip() for item in there} | {item.input.strip() for item in task.instances}
            ids = Ids(task.task_id, Notes())
            ids.taken |= {item.id for item in there} | {item.id for item in task.instances}
            new = []
            for number, text in enumerate(inputs):
                if check_text(text, f"input {number + 1}").strip() and text.strip() not in known:
                    known.add(text.strip())
                    new.append(Waiting(ids.choose(None, text, (), ""), text))
            append_lines(folder / _FILE, [item._asdict() for item in new])
    return new


def read_waiting(folder: Path, task: Task | None = None) -> list[Waiting]:
    """Return the inputs that wait, in the order they came; with a task, those it has no instance of yet."""
    done = {instance.id for instance in task.instances} if task else set()
    found: dict[str, Waiting] = {}
    for line in read_lines(folder / _FILE):
        id = str(line.get("id"))
        if line.get("dropped"):
            found.pop(id, None)
        else:
            found[id] = Waiting(id, str(line.get("input")))
    return [item for item in found.values() if item.id not in done]


def drop_inputs(folder: Path, ids: Iterable[str]) -> None:
    """Take inputs out of those that wait; a label that was given to one stays where it is."""
    append_lines(folder / _FILE, [{"id": id, "dropped": True} for id in ids])


def make_additions(
    waiting: Sequence[Waiting], labels: dict[str, dict[str, Label]], settled: dict[str, str] | None = None
) -> list[AddInstance]:
    """Return the edits that add what was labelled: where all agree, or a person has settled it."""
    answers = agreed_answers(labels, settled)
    return [
        AddInstance(instance=Instruction(id=item.id, input=item.input, output=(answers[item.id],)))
        for item in waiting
        if item.id in answers
    ]
