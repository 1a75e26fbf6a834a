"""The test of unseen words stays with a copy of a sample, as far as the copy leaves it unseen."""

import json
from pathlib import Path

import pytest
from tiny import write_task

from studio.errors import NotFoundError
from studio.tasks.edit import AddInstance, DeleteInstance, SetOutput, SetText
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.reading.task_file import import_file
from studio.tasks.store import TaskStore
from studio.tasks.unseen import name_origin
from studio.visitor import read_visitor
from studio.workspace import Workspace

SAMPLE = "studio002_question"
COPY = f"{SAMPLE}_yours"


@pytest.fixture
def store(workspace: Workspace) -> TaskStore:
    return TaskStore(workspace)


def test_a_copy_keeps_the_test_while_it_asks_the_same(store: TaskStore) -> None:
    test = store.load_unseen(SAMPLE)
    assert test is not None and len(test.instances) == 60
    first = store.load_task(SAMPLE).instances[0]
    edits = [SetOutput(id=first.id, output=("Mine?",)), DeleteInstance(id=store.load_task(SAMPLE).instances[1].id)]
    made = store.edit_task(SAMPLE, edits)
    assert made.task_id == COPY and store.load_unseen(COPY) == store.load_unseen(COPY, made.version) == test
    store.edit_task(COPY, [SetText(field="definition", text="Turn it into a question.")])
    assert store.load_unseen(COPY) is None, "the answers of the test are those to another definition"
    assert store.load_unseen(COPY, made.version) == test, "a run names the version it learnt"


def test_what_the_copy_has_seen_is_no_longer_unseen(store: TaskStore) -> None:
    test = store.load_unseen(SAMPLE)
    assert test is not None
    seen = test.instances[0].input  # "Delphine pushes the crate.": no word of it that the sample lacks may be left
    store.edit_task(SAMPLE, [AddInstance(instance=Instruction(id="mine", input=seen.upper(), output=("What?",)))])
    left = store.load_unseen(COPY)
    assert left is not None and 0 < len(left.instances) < 60
    shown = set(" ".join(one.input for one in store.load_task(SAMPLE).instances).lower().rstrip(".").split())
    news = {word.strip(".").lower() for word in seen.split()} - shown
    assert news and not any(word in one.input.lower() for word in news for one in left.instances)
    more = [
        AddInstance(instance=Instruction(id=f"more-{n}", input=one.input, output=one.output))
        for n, one in enumerate(test.instances)
    ]
    store.edit_task(COPY, more)
    assert store.load_unseen(COPY) is None


def test_a_file_of_a_samples_name_has_no_test(store: TaskStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps(write_task(9)))
    assert import_file(store, tmp_path / "file", f"{SAMPLE}.json").task.task_id == COPY
    assert store.load_unseen(COPY) is None


def test_another_persons_copy_is_not_looked_into(store: TaskStore) -> None:
    anna, ben = read_visitor("anna" * 8), read_visitor("ben_" * 8)
    copy = store.copy_sample(SAMPLE, anna)
    assert name_origin(copy) == SAMPLE
    assert store.load_unseen(copy, visitor=anna) == store.load_unseen(SAMPLE, visitor=ben)
    with pytest.raises(NotFoundError):
        store.load_unseen(copy, visitor=ben)
