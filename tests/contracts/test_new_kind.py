"""A kind of data is one file: put into its folder, it is read, kept, split, checked, shown, edited and trained on."""

import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import test_kinds as contract

import studio.tasks.kinds
from studio.service import Studio
from studio.tasks.edit import SetOutput
from studio.tasks.kinds import KINDS
from studio.tasks.library.writing import list_formats, write_task
from studio.tasks.reading.task_file import read_task
from studio.tasks.split import split_task

FILE = '''
"""Quizzes: a question, its answer, and wrong answers among which the model has to find it."""

from typing import Any, ClassVar, Self

from pydantic import Field

from studio.tasks.dialogue import Dialogue, write_pair_dialogue
from studio.tasks.instance import Change, Form, Instance
from studio.tasks.task import Task


class Quiz(Instance):
    """A question with one right answer and some wrong ones."""

    name: ClassVar[str] = "quiz"
    title: ClassVar[str] = "Quizzes"
    words: ClassVar[str] = "questions with right and wrong answers"
    forms: ClassVar[tuple[Form, ...]] = ("dialogue",)
    role: ClassVar[str] = "wrong"
    columns: ClassVar[dict[str, str]] = {"wrong": "Wrong answers of a quiz"}
    keys: ClassVar[tuple[str, ...]] = ("wrong",)

    input: str
    output: tuple[str, ...] = Field(min_length=1)
    wrong: tuple[str, ...] = ()

    @classmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the quiz that has no wrong answers yet."""
        return cls(id=id, input=input, output=output, extra=extra or {})

    def write_more(self) -> dict[str, Any]:
        """Return the wrong answers."""
        return {"wrong": list(self.wrong)}

    @property
    def key(self) -> str:
        """The question with all its answers."""
        return "\\n".join([self.input, *sorted((*self.output, *self.wrong))]).strip()

    def map_texts(self, change: Change, place: str = "") -> Self:
        """Change question and answers."""
        input = change(self.input, f"{place}.input")
        changed = self if input == self.input else self.model_copy(update={"input": input})
        return changed.map_answers(change, place)

    def map_answers(self, change: Change, place: str = "") -> Self:
        """Change the answers, the wrong ones too."""
        output = tuple(change(text, f"{place}.output") for text in self.output)
        wrong = tuple(change(text, f"{place}.wrong") for text in self.wrong)
        if (output, wrong) == (self.output, self.wrong):
            return self
        return self.model_copy(update={"output": output, "wrong": wrong})

    def write_dialogue(self, task: Task, positive_examples: int = 0) -> Dialogue:
        """Return the question with its answers in the order of letters, and the right one."""
        answers = " or ".join(sorted((self.output[0], *self.wrong)))
        return write_pair_dialogue(task, f"{self.input} {answers}?", self.output[0], positive_examples)
'''

ROWS = [
    {"id": f"q{n}", "input": f"Which is number {n}", "output": [f"right{n}"], "wrong": [f"wrong{n} ", "none"]}
    for n in range(30)
]
TEXT = json.dumps({"Definition": ["Choose."], "Instances": ROWS, "Studio": {"kind": "quiz", "format": "by hand"}})


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The studio's own kinds, with one file more in their folder."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "quiz.py").write_text(FILE)
    monkeypatch.setattr(studio.tasks.kinds, "__path__", [*studio.tasks.kinds.__path__, str(tmp_path / "more")])
    importlib.invalidate_caches()
    KINDS.__dict__.pop("members", None)
    yield KINDS
    KINDS.__dict__.pop("members", None)
    sys.modules.pop("studio.tasks.kinds.quiz", None)


def test_a_new_file_keeps_the_contract(family: Any) -> None:
    quiz, kept = family.find("quiz"), []
    assert not contract.list_forms_of_messages(quiz)  # so one of the promises is not about it
    for name, promise in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_") and name != contract.test_conversations_come_back_from_rows_of_messages.__name__:
            promise(kind=quiz)
            kept.append(name)
    assert len(kept) >= 9


def test_a_new_file_is_split_written_and_read(family: Any) -> None:
    task = read_task(TEXT.encode(), "quiz.json").task
    assert task.kind == "quiz" and task.instances[3].wrong == ("wrong3 ", "none")
    assert [len(part) for part in split_task(task)] == [24, 3, 3]
    assert list(list_formats(task)) == ["v2", "openai", "sharegpt"]
    assert read_task(write_task(task)[1].encode(), "quiz.json").task == task
    assert "right3 or wrong3" in write_task(task, "openai")[1]


def test_the_columns_of_a_new_file_are_mapped_by_hand(family: Any, workspace: Any, tmp_path: Path) -> None:
    from studio.ui.steps.data.arrival import choose_columns, try_columns
    from studio.ui.steps.data.page import import_file

    house, path = Studio(workspace), tmp_path / "asked.json"
    path.write_text(json.dumps([{"q": f"Number {n}?", "a": f"right{n}", "b": [f"wrong{n}", "none"]} for n in range(9)]))
    _, html = import_file(house, str(path))
    assert "Wrong answers of a quiz" in html
    asked = {
        "file": html.split('data-file="')[1].split('"')[0],
        "roles": {"input": ["q"], "output": ["a"], "wrong": ["b"]},
    }
    assert "none or right0 or wrong0?" in try_columns(house, asked)["html"]
    text = {**asked, "roles": {"input": ["q"], "output": ["a"], "wrong": ["q"]}}
    assert "row 1.wrong" in try_columns(house, text)["html"], "the kind says that a list is wanted"
    for roles in ({"input": ["q"], "wrong": ["b"]}, {"messages": ["q"], "wrong": ["b"]}):
        assert try_columns(house, {**asked, "roles": roles})["field"] == "mapping.output"
    assert try_columns(house, {**asked, "roles": {**asked["roles"], "none": ["b"]}})["field"] == "mapping"
    task = house.load_task(choose_columns(house, asked)["task_id"])
    assert (task.kind, task.instances[3].wrong, task.instances[3].extra) == ("quiz", ("wrong3", "none"), {})
    assert task.origin and task.origin.mapping and task.origin.mapping.kind == "quiz"
    assert read_task(write_task(task)[1].encode(), "asked.json").task == task


def test_a_new_file_is_checked_shown_edited_and_trained_on(
    family: Any, workspace: Any, tiny_model: Path, tmp_path: Path
) -> None:
    from studio.ui.steps.data.rows import read_rows

    (tmp_path / "quiz.json").write_text(TEXT)
    house = Studio(workspace)
    task_id = house.import_task(tmp_path / "quiz.json", "quiz.json").task.task_id
    assert house.load_task(task_id).kind == "quiz"
    recipe = {"task_id": task_id, "model": str(tiny_model), "objective": {"name": "sft", "template": "plain"}}
    report = house.data.check(recipe).report
    assert report.find("blanks").numbers == tuple(range(30)) and report.lengths.counted == 30
    fixed = house.data.fix(recipe, finding="blanks")
    assert fixed.instances[3].wrong == ("wrong3", "none")
    assert "number 7" in read_rows(house, {"task_id": task_id, "search": "wrong7"})["html"]
    instance, sight = house.data.see(recipe, 4)
    spelt = "".join(piece.text for piece in sight.pieces if not piece.learnt)
    assert "none or right4 or wrong4?" in spelt and sight.fits
    assert "right4" in "".join(piece.text for piece in sight.pieces if piece.learnt)
    done = house.labels.edit(task_id, [SetOutput(id="q4", output=("other",), before=("right4",))])
    assert done.instances[4].output == ("other",) and done.instances[4].wrong == ("wrong4", "none")
    assert house.load_task(task_id).instances == done.instances
