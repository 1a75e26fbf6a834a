"""Edits are small, undoable, safe for several people; every one is a version that can be compared and restored."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import InputError, NotFoundError, StudioError, WorkspaceError
from studio.tasks.comparison import compare
from studio.tasks.edit import (
    AddInstance,
    DeleteInstance,
    Edit,
    EditConflict,
    SetExamples,
    SetInput,
    SetLiked,
    SetList,
    SetOutput,
    SetRejected,
    SetSplit,
    SetText,
    SetTurn,
    apply_edit,
    apply_edits,
    read_edit,
)
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.kinds.preference import Preference
from studio.tasks.kinds.rating import Rating
from studio.tasks.reading.task_file import import_file, read_task
from studio.tasks.store import TaskStore
from studio.tasks.task import Example, Instance, Task
from studio.tasks.version import LONGEST_CHAIN
from studio.workspace import Workspace

TASK = Task(
    task_id="task1_x",
    definition="Do.",
    instances=tuple(Instruction(id=f"i{n}", input=f"in {n}", output=("a", "b")) for n in range(5)),
)
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
CHAT = read_task(json.dumps([{"messages": TURNS}, {"messages": TURNS}]).encode(), "chat.json").task

EDITS: list[Edit] = [
    SetText(field="definition", text="Do it.", before="Do."),
    SetText(field="title", text="A title"),
    SetList(field="categories", texts=("x", "y")),
    SetInput(id="i2", input="other", before="in 2"),
    SetOutput(id="i0", output=("c",), before=("a", "b")),
    AddInstance(instance=Instruction(id="new", input="n", output=("o",)), place=1),
    AddInstance(instance=Instruction(id="newer", input="n", output=("o",))),
    DeleteInstance(id="i3"),
    SetExamples(field="positive_examples", examples=(Example(input="a", output="b", explanation="c"),)),
    SetSplit(split="stratified"),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.op)
def test_an_edit_changes_one_thing(edit: Edit) -> None:
    done = apply_edit(TASK, edit)
    assert done != TASK and done.version != TASK.version
    assert compare(TASK, done).words != "no difference"
    assert read_edit(json.loads(edit.model_dump_json())) == edit


@pytest.mark.parametrize(
    "kind, edit",
    [(Preference, SetRejected(id="i1", rejected="worse", before="")), (Rating, SetLiked(id="i1", liked=True))],
    ids=lambda value: getattr(value, "op", ""),
)
def test_what_only_one_kind_has_is_edited_there(kind: type[Instance], edit: Edit) -> None:
    instances = tuple(kind.make(one.id, one.input, one.output) for one in TASK.instances)
    task = TASK.model_copy(update={"kind": kind.name, "instances": instances})
    done = apply_edit(task, edit)
    assert done.version != task.version and done.instances[0] == task.instances[0]
    with pytest.raises(InputError) as refused:
        apply_edit(TASK, edit)
    assert refused.value.field in ("rejected", "liked")


def test_a_turn_of_a_chat() -> None:
    id = CHAT.instances[0].id
    done = apply_edit(CHAT, SetTurn(id=id, number=1, content="Good day.", before="Hello."))
    assert done.instances[0].output == ("Good day.",)
    assert apply_edit(CHAT, SetOutput(id=id, output=("Good day.",))) == done
    assert apply_edit(done, SetTurn(id=id, number=1, content="Hello.")) == CHAT
    for edit, words in (
        (SetTurn(id=id, number=2, content="x"), "2 3"),
        (SetTurn(id=id, number=0, content=" "), "turn"),
        (SetInput(id=id, input="x"), "chat turn"),
    ):
        with raises(InputError, words):
            apply_edit(CHAT, edit)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (SetText(field="definition", text=" "), "definition"),
        (SetInput(id="gone", input="x"), "gone"),
        (SetOutput(id="i0", output=(" ",)), "output"),
        (AddInstance(instance=TASK.instances[0]), "i0"),
        (SetInput(id="i0", input="a\x00"), "NUL"),
    ],
)
def test_edits_that_cannot_be(edit: Edit, words: str) -> None:
    with raises(StudioError, words):
        apply_edit(TASK, edit)


def test_the_last_instance_stays() -> None:
    one = TASK.model_copy(update={"instances": TASK.instances[:1]})
    with pytest.raises(InputError, match="only instance"):
        apply_edit(one, DeleteInstance(id="i0"))


def test_what_was_changed_meanwhile_is_not_overwritten() -> None:
    mine = apply_edit(TASK, SetOutput(id="i0", output=("mine",), before=("a", "b")))
    with pytest.raises(EditConflict, match="Somebody changed the output meanwhile") as caught:
        apply_edit(mine, SetOutput(id="i0", output=("yours",), before=("a", "b")))
    assert caught.value.current == ("mine",)


@pytest.mark.parametrize("data", [None, {}, {"op": "fly"}, {"op": "set_output", "id": "x", "output": []}, [1]])
def test_what_is_no_edit(data: Any) -> None:
    with raises(InputError, "edit"):
        read_edit(data)


def test_compare() -> None:
    done = apply_edits(TASK, [EDITS[0], EDITS[3], EDITS[5], EDITS[7]])
    difference = compare(TASK, done)
    assert difference.words == "definition changed; instances: 1 added, 1 deleted, 1 changed"
    assert difference.fields == {"definition": ("Do.", "Do it.")}
    assert [(change.id, change.keys) for change in difference.changed] == [("i2", ("input",))]
    assert [change.id for change in difference.added + difference.deleted] == ["new", "i3"]
    turned = TASK.model_copy(update={"instances": TASK.instances[::-1]})
    assert compare(TASK, turned).words == "in another order"
    assert compare(TASK, TASK).words == "no difference"


@pytest.fixture
def store(tmp_path: Path) -> TaskStore:
    store = TaskStore(Workspace(tmp_path / "home"))
    path = tmp_path / "task1_x.json"
    instances = [{"id": f"i{n}", "input": f"in {n}", "output": ["a"]} for n in range(60)]
    path.write_text(json.dumps({"Definition": ["Do."], "Categories": [], "Instances": instances}))
    import_file(store, path, path.name)
    return store


def again(store: TaskStore) -> TaskStore:
    """The same workspace, seen by another process."""
    return TaskStore(Workspace(store.workspace.folder))


def test_every_edit_is_a_version(store: TaskStore) -> None:
    versions = [store.load_task("task1_x").version]
    for number in range(LONGEST_CHAIN + 5):
        edit = SetOutput(id=f"i{number}", output=(f"new {number}",))
        versions.append(store.edit_task("task1_x", [edit], by="Ada").version)
    assert len(set(versions)) == len(versions)
    folder = store.workspace.tasks / "task1_x"
    assert len(list(folder.glob("*.json"))) == 2
    assert len(list(folder.glob("*.edits"))) == LONGEST_CHAIN + 4
    other = again(store)
    for number, version in enumerate(versions):
        task = other.load_task("task1_x", version)
        assert task.version == version
        assert sum(instance.output[0].startswith("new") for instance in task.instances) == number
    cards = other.list_versions("task1_x")
    assert [card.version for card in cards] == versions[::-1]
    assert (cards[0].number, cards[0].by, cards[0].words) == (LONGEST_CHAIN + 6, "Ada", "instances: 1 changed")
    assert other.list_tasks()[-1].version == versions[-1]


def test_restore(store: TaskStore) -> None:
    first = store.load_task("task1_x")
    store.edit_task("task1_x", [SetText(field="definition", text="Else.")])
    assert store.restore("task1_x", first.version, by="Bo") == first
    assert again(store).load_task("task1_x") == first
    cards = store.list_versions("task1_x")
    assert (len(cards), cards[0].words, cards[0].by) == (3, "version 1 again", "Bo")
    with pytest.raises(NotFoundError, match="has no version"):
        store.restore("task1_x", "0" * 12)


def test_many_people_at_once_lose_nothing(store: TaskStore) -> None:
    stores = [store, again(store), again(store)]

    def label(person: int) -> None:
        for number in range(person, 30, 3):
            stores[person].edit_task("task1_x", [SetOutput(id=f"i{number}", output=(f"by {person}",))], by=f"p{person}")

    threads = [threading.Thread(target=label, args=(person,)) for person in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    task = again(store).load_task("task1_x")
    assert [instance.output[0] for instance in task.instances[:30]] == [f"by {n % 3}" for n in range(30)]
    assert len(store.list_versions("task1_x")) == 31


def test_a_fix_is_a_version_unless_somebody_was_quicker(store: TaskStore) -> None:
    task = store.load_task("task1_x")
    fixed = task.model_copy(update={"instances": task.instances[:50]})
    store.change_task(fixed, task.version, words="left out 10")
    assert again(store).load_task("task1_x") == fixed
    assert store.list_versions("task1_x")[0].words == "left out 10"
    with raises(EditConflict):
        store.change_task(task, task.version)


def test_a_sample_is_copied_before_it_is_edited(store: TaskStore) -> None:
    sample = store.list_tasks()[0].task_id
    done = store.edit_task(sample, [SetText(field="title", text="Mine")])
    assert done.task_id == f"{sample}_yours" and done.title == "Mine"
    assert store.load_task(sample).title != "Mine"
    assert [
        tells(card.words, word)
        for card, word in zip(store.list_versions(done.task_id), ("title", "sample"), strict=True)
    ]
    more = store.edit_task(sample, [SetText(field="prompt", text="More")])
    assert (more.title, more.prompt) == ("Mine", "More")


def test_a_refused_edit_leaves_no_version(store: TaskStore) -> None:
    with pytest.raises(InputError):
        store.edit_task("task1_x", [SetInput(id="i0", input="x"), SetInput(id="gone", input="x")])
    assert len(store.list_versions("task1_x")) == 1
    assert store.load_task("task1_x").instances[0].input == "in 0"


def test_a_damaged_version_is_told(store: TaskStore) -> None:
    version = store.edit_task("task1_x", [SetText(field="title", text="T")]).version
    file = next((store.workspace.tasks / "task1_x").glob("*.edits"))
    file.write_text("{")
    with raises(WorkspaceError):
        again(store).load_task("task1_x", version)
