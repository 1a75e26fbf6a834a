"""Inputs without answers wait beside a task, are labelled, and become its instances."""

from pathlib import Path

import pytest

from studio.errors import TaskError
from studio.tasks.edit import apply_edits
from studio.tasks.labelling import Label
from studio.tasks.pool import add_inputs, cut_pasted, make_additions, read_inputs, read_waiting
from studio.tasks.task import Instance, Task

TASK = Task(task_id="task7_x", definition="Do.", instances=(Instance(id="i0", input="old", output=("a",)),))


def say(by: str, id: str, output: str) -> Label:
    return Label(by=by, id=id, output=output, at=1.0)


def test_pasted() -> None:
    assert cut_pasted(" one\n two\r\n\n") == ["one", "two"]
    assert cut_pasted("one\nmore\n\ntwo") == ["one\nmore", "two"]
    assert cut_pasted(" \n ") == []


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "inputs"
    path.write_text("text,source\na,1\nb,2\n")
    assert read_inputs(path, "inputs.csv", "text") == ["a", "b"]
    with pytest.raises(TaskError, match="the columns are text, source. Choose the one that holds the inputs"):
        read_inputs(path, "inputs.csv")
    with pytest.raises(TaskError, match="there is no column 'x'; found text, source"):
        read_inputs(path, "inputs.csv", "x")
    path.write_text("The first of them.\nThe second of them.\n")
    assert read_inputs(path, "inputs.txt") == ["The first of them.", "The second of them."]
    path.write_text('{"Definition": ["x"], "Instances": []}')
    with pytest.raises(TaskError, match="this is a task, not a table of inputs"):
        read_inputs(path, "task.json")


def test_from_waiting_to_instances(tmp_path: Path) -> None:
    first = add_inputs(tmp_path, TASK, ["one", "two", "old", "one ", " "])
    assert [item.input for item in first] == ["one", "two"]
    assert all(item.id.startswith("task7-") for item in first)
    second = add_inputs(tmp_path, TASK, ["two", "three"])
    assert [item.input for item in second] == ["three"]
    with open(tmp_path / "waiting.jsonl", "a") as file:
        file.write('{"id": "x", "inp')
    waiting = read_waiting(tmp_path, TASK)
    assert waiting == first + second
    one, two, three = (item.id for item in waiting)
    labels = {"a": {one: say("a", one, "yes"), two: say("a", two, "no")}, "b": {two: say("b", two, "yes")}}
    edits = make_additions(waiting, labels)
    task = apply_edits(TASK, edits)
    assert [(item.input, item.output) for item in task.instances[1:]] == [("one", ("yes",))]
    assert [item.id for item in read_waiting(tmp_path, task)] == [two, three]
    assert [item.input for item in add_inputs(tmp_path, task, ["after the crash"])] == ["after the crash"]
    assert len(read_waiting(tmp_path, task)) == 3
    settled = apply_edits(task, make_additions(read_waiting(tmp_path, task), labels, {two: "no"}))
    assert settled.instances[-1].output == ("no",)
