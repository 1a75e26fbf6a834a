"""The sentences that people read most, in one file for whoever edits them: `tests/golden/words.txt`.

Every other test asks for facts (`tests/telling.py`). After words were changed, `make words` rewrites the file, and
what git shows of it is what changed for a reader.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from studio.answering.question import read_question
from studio.errors import StudioError
from studio.models.reference import ModelRef
from studio.recipes.recipe import read_recipe
from studio.recipes.smaller import lower_memory
from studio.runs.ending import explain_failure
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.quality.report import check_task
from studio.tasks.reading.task_file import read_task
from studio.tasks.split import split_task
from studio.tasks.task import Task
from studio.workspace import Workspace, disk_errors_in_words

GOLDEN = Path(__file__).parent / "golden" / "words.txt"
RECIPES: tuple[Any, ...] = (
    {},
    [],
    "{",
    {"task_id": ["sums"]},
    {"task_id": "sums", "teacher": 1},
    {"task_id": "sums", "model": ""},
    {"task_id": "sums", "method": "lorra"},
    {"task_id": "sums", "method": 5},
    {"task_id": "sums", "method": {"name": "lora", "rank": 0}},
    {"task_id": "sums", "method": {"name": "lora", "rank": "many"}},
    {"task_id": "sums", "method": {"name": "lora", "rang": 8}},
    {"task_id": "sums", "method": {"name": "lora", "targets": "x" * 600}},
    {"task_id": "sums", "method": "full", "precision": "nf4"},
    {"task_id": "sums", "precision": "int3"},
    {"task_id": "sums", "objective": "dppo"},
    {"task_id": "sums", "training": {"learning_rate": 7}},
    {"task_id": "sums", "training": {"max_steps": "1,000"}},
    {"task_id": "sums", "training": {"preset": "fast"}},
    {"task_id": "sums", "training": [1]},
)
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"prompt": " "},
    {"prompt": None},
    {"prompt": "x" * 20_001},
    {"prompt": "a\ud800"},
    {"prompt": "x", "max_tokens": 0},
    {"prompt": "x", "temperature": 3},
)
TASK = {"Definition": ["Add."], "Instances": [{"id": "a", "input": "1 + 1", "output": ["2"]}]}
FILES: tuple[tuple[str, str], ...] = (
    ("task.json", ""),
    ("task.json", json.dumps(TASK)[:-9]),
    ("task.json", "{'Definition': ['Add.']}"),
    ("task.json", '{"a": 1}'),
    ("task.json", json.dumps({**TASK, "Instances": []})),
    ("task.json", json.dumps({**TASK, "Definition": [" "]})),
    ("task.json", json.dumps({**TASK, "Instances": [{"id": "a", "input": "1", "output": 3}]})),
    ("page.json", "<!DOCTYPE html><html></html>"),
    ("paper.json", "%PDF-1.7\n"),
    ("rows.jsonl", '{"instruction": "Add.", "output": "2"}\n{"instruction": \n'),
    ("t.csv", "input,output\n"),
    ("notes.txt", "ok then"),
    ("chat.json", json.dumps([{"messages": [{"role": "user", "content": "Hello"}]}])),
)
ENDS: tuple[BaseException, ...] = (
    MemoryError(),
    OSError(28, "No space left on device"),
    KeyboardInterrupt(),
    ZeroDivisionError("by zero"),
)


def list_words(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what was given and what is answered, in the order of a person's way through the studio."""
    for port in ("abc", "70000"):
        yield f"--port {port}", refuse(lambda port=port: app.choose_port("127.0.0.1", port), folder)
    yield "--host 192.0.2.1", refuse(lambda: app.choose_port("192.0.2.1", "7860"), folder)
    (folder / "file").write_text("")
    yield "--home a file", refuse(lambda: Workspace(folder / "file"), folder)
    for number in (28, 30, 122):
        yield f"errno {number}", refuse(lambda number=number: break_disk(folder, number), folder)
    for model in (f"{folder}/gone", f"{folder}", "no id at all"):
        yield f"model {model}", refuse(lambda model=model: ModelRef(ref=model).find_folder(), folder)
    for name, text in FILES:
        yield f"{name} {text}", refuse(lambda name=name, text=text: read_task(text.encode(), name), folder)
    few = make_task(2)
    yield "a task of 2 instances", refuse(lambda: split_task(few), folder)
    for finding in check_task(make_task(40, twice=True)).findings:
        yield f"the finding {finding.name}", f"{finding.title} | {finding.words}"
    for recipe in RECIPES:
        yield f"recipe {json.dumps(recipe)}", refuse(lambda recipe=recipe: read_recipe(recipe), folder)
    for question in QUESTIONS:
        yield f"question {question}", refuse(lambda question=question: read_question(**question), folder)
    for error in ENDS:
        told = explain_failure(error, lower_memory(read_recipe({"task_id": "sums"}), loading=False))
        yield f"a training that ends by {error!r}", f"{told['error']} | {told['remedy']}"


def refuse(act: Callable[[], Any], folder: Path) -> str:
    """Return how something is refused, with the field it belongs to."""
    with pytest.raises((StudioError, ValueError)) as told:
        act()
    field = getattr(told.value, "field", None)
    return f"{f'[{field}] ' if field else ''}{told.value}"


def break_disk(folder: Path, number: int) -> None:
    """Let the disk refuse to write."""
    with disk_errors_in_words(folder):
        raise OSError(number, os.strerror(number))


def make_task(count: int, twice: bool = False) -> Task:
    """Return a task of sums, with faults that the quality report finds if one instance comes `twice`."""
    made = [Instruction(id=f"s{n}", input=f" {n} + 1", output=(f"{n + 1}",)) for n in range(count)]
    again = [
        Instruction(id="again", input=" 1 + 1", output=("2",)),
        Instruction(id="other", input=" 1 + 1", output=("3",)),
    ]
    return Task(task_id="sums", definition="Add.", instances=tuple(made + again * twice))


def test_the_words_are_those_of_the_golden_file(tmp_path: Path) -> None:
    words = "".join(f"{shorten(given)}\n    {said}\n\n" for given, said in list_words(tmp_path))
    words = words.replace(str(tmp_path), "/home/ada")
    if os.environ.get("STUDIO_GOLDEN"):
        GOLDEN.write_text(words, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == words, "`make words` rewrites the file; read what changed in it."


def shorten(text: str) -> str:
    """Return what was given on one line of a page."""
    line = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    return line if len(line) <= 110 else f"{line[:107]}..."
