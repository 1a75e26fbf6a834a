"""SQuAD's nested files: each question that its text answers is an instance, the others are counted."""

import json
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import TaskError
from studio.tasks.reading.task_file import read_task

TEXT = "Paris is in France."


def ask(id: str, question: str, *answers: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "question": question, "answers": [{"text": one, "answer_start": 0} for one in answers], **more}


def wrap(*asked: dict[str, Any]) -> dict[str, Any]:
    return {"version": "v2.0", "data": [{"title": "Paris", "paragraphs": [{"context": TEXT, "qas": list(asked)}]}]}


QUESTIONS = (
    ask("1", "Where is it?", "France", "in France", "France", is_impossible=False),
    ask("2", "Who was it?", is_impossible=True),
    ask("3", "What is there?", "Paris"),
)


@pytest.mark.parametrize("is_list", [False, True])
def test_what_can_be_answered_is_read_and_the_rest_is_counted(is_list: bool) -> None:
    file = wrap(*QUESTIONS)
    reading = read_task(json.dumps(file["data"] if is_list else file).encode(), "train-v2.0.json")
    assert [(one.id, one.input, one.output) for one in reading.task.instances] == [
        ("1", f"{TEXT}\n\nWhere is it?", ("France", "in France")),
        ("3", f"{TEXT}\n\nWhat is there?", ("Paris",)),
    ]
    assert reading.task.definition and reading.task.origin and reading.task.origin.format == "SQuAD"
    assert not any("Alpaca" in warning for warning in reading.warnings)
    assert any(tells(warning, "1 3") for warning in reading.warnings)


def test_a_file_without_one_answer_is_refused() -> None:
    with raises(TaskError, "2", field="file"):
        read_task(json.dumps(wrap(ask("1", "Where?"), ask("2", "Who?"))).encode(), "test.json")


def test_an_entry_without_a_question_is_named() -> None:
    with raises(TaskError, field="data[0].paragraphs[0].qas"):
        read_task(json.dumps(wrap(QUESTIONS[0], {"id": "4", "answers": []})).encode(), "train.json")
