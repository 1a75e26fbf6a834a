"""Inputs without answers wait beside a task, are labelled, and become its instances."""

from pathlib import Path

import pytest
from telling import raises

from studio.errors import InputError, TaskError
from studio.tasks.edit import apply_edits
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.labels.labelling import Label
from studio.tasks.labels.pool import add_inputs, make_additions, read_waiting
from studio.tasks.reading.pasting import preview_inputs, read_inputs, read_pasted
from studio.tasks.task import Task

TASK = Task(task_id="task7_x", definition="Do.", instances=(Instruction(id="i0", input="old", output=("a",)),))


def say(by: str, id: str, output: str) -> Label:
    return Label(by=by, id=id, output=output, at=1.0)


def test_pasted() -> None:
    assert read_pasted(" one\n two\r\n\n") == [("one", ""), ("two", "")]
    assert read_pasted("one\nmore\n\ntwo") == [("one\nmore", ""), ("two", "")]
    assert read_pasted(" \n ") == []


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "inputs"
    path.write_text("text,label\na,1\n b ,\n,3\n")
    assert preview_inputs(path, "inputs.csv") == (("text", "label"), 3, "", True, "text")
    assert read_inputs(path, "inputs.csv", "text") == [("a", ""), ("b", "")]
    assert read_inputs(path, "inputs.csv", "text", "label") == [("a", "1"), ("b", "")]
    assert len(read_inputs(path, "inputs.csv")) == 4, "plain lines"
    for names in (("x",), ("text", "x")):
        with raises(InputError, "x"):
            read_inputs(path, "inputs.csv", *names)
    path.write_text("The first of them.\nThe second of them.\n")
    assert preview_inputs(path, "inputs.txt") is None
    assert read_inputs(path, "inputs.txt") == [("The first of them.", ""), ("The second of them.", "")]
    path.write_text('{"Definition": ["x"], "Instances": []}')
    with raises(TaskError, "task table"):
        read_inputs(path, "task.json")


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("text\na b\nc\n", ["a b", "c"]),
        ('text\n"a, b"\n"c\nd"\n', ["a, b", "c\nd"]),
        ("text\na, b\nc\n", ["a, b", "c"]),
    ],
)
def test_a_file_of_one_column_is_asked_about(tmp_path: Path, text: str, inputs: list[str]) -> None:
    (tmp_path / "inputs").write_text(text)
    assert preview_inputs(tmp_path / "inputs", "Inputs.CSV") == (("text",), 2, "", True, "text")
    assert [given for given, _ in read_inputs(tmp_path / "inputs", "Inputs.CSV", "text")] == inputs
    assert read_inputs(tmp_path / "inputs", "Inputs.CSV")[0] == ("text", ""), "as plain lines"


def test_rows_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "inputs"
    for text in ('[{"text": "one"}, {"text": 2}, {"text": null}]', '{"text": "one"}\n{"text": 2}\n', '["one", "2"]'):
        path.write_text(text)
        assert preview_inputs(path, "inputs.json") is None
        assert read_inputs(path, "inputs.json") == [("one", ""), ("2", "")]
    path.write_text('[{"a": "one", "b": {"c": 1}}]')
    assert preview_inputs(path, "inputs.json") == (("a", "b"), 1, "", False, "b")
    assert read_inputs(path, "inputs.json", "b", "a") == [('{"c": 1}', "one")]
    with raises(InputError, "a b"):
        read_inputs(path, "inputs.json")


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
