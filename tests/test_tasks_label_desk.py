"""The desk: what is labelled is on the disk, nobody overwrites anybody, and what agrees becomes a version."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import import_task

from studio.errors import InputError, NotFoundError
from studio.service.label_desk import LabelDesk
from studio.tasks.edit import EditConflict, SetOutput, SetText
from studio.tasks.labels.label_table import Filter, filter_rows, make_bulk_edits
from studio.tasks.labels.labelling import Label, Progress
from studio.tasks.labels.pool import add_inputs
from studio.tasks.labels.team import read_name, read_settled
from studio.tasks.reading.pasting import preview_pasted, read_pasted
from studio.tasks.reading.task_file import import_file
from studio.tasks.store import TaskStore
from studio.visitor import NOBODY, Visitor, read_visitor
from studio.workspace import Workspace

SAMPLE = "studio001_sentiment"
ANNA, BEN = read_visitor("anna" * 8), read_visitor("ben_" * 8)


@pytest.fixture
def desk(workspace: Workspace) -> LabelDesk:
    return LabelDesk(TaskStore(workspace))


@pytest.fixture
def task(workspace: Workspace) -> str:
    return import_task(workspace, count=20)


def give(desk: LabelDesk, task: str, id: str, output: str | None, by: str = "me", at: float = 1.0, **more: Any) -> str:
    before = more.pop("before", None)
    return desk.add_label(task, Label(by=by, id=id, output=output, at=at, **more), before)


# ---- whose task it is


def test_a_sample_is_never_changed_and_its_copy_takes_the_labels(desk: LabelDesk) -> None:
    ids = desk.look(SAMPLE, "me").ids
    own = give(desk, SAMPLE, ids[0], "positive")
    assert own == f"{SAMPLE}_yours"
    assert desk.look(SAMPLE, "me").progress.done == 0
    sheet = desk.look(own, "me")
    assert (sheet.progress.done, sheet.ids, sheet.labels) == (1, ids, desk.load_task(SAMPLE).labels)
    assert give(desk, SAMPLE, ids[1], "negative") == own


def test_looking_writes_nothing(desk: LabelDesk, workspace: Workspace) -> None:
    desk.look(SAMPLE, "me")
    desk.look_together(SAMPLE)
    assert list(workspace.tasks.iterdir()) == []


def test_in_a_shared_studio_each_has_a_copy_of_their_own(workspace: Workspace) -> None:
    store = TaskStore(workspace)
    hers, his = LabelDesk(store, ANNA), LabelDesk(store, BEN)
    id = hers.look(SAMPLE, "Anna").ids[0]
    one, other = give(hers, SAMPLE, id, "positive"), give(his, SAMPLE, id, "negative")
    assert one != other
    assert {card.task_id for card in store.list_tasks(ANNA) if card.source == "yours"} == {one}
    edits = [SetText(field="definition", text="Say it.")]
    assert hers.edit(SAMPLE, edits).task_id == one
    for act in (
        lambda: his.look(one, "Ben"),
        lambda: give(his, one, id, "negative"),
        lambda: his.edit(one, edits),
        lambda: his.list_versions(one),
        lambda: his.restore(one, hers.load_task(one).version),
        lambda: his.paste(one, "x"),
        lambda: his.use_labels(one),
        lambda: his.settle(one, id, "x", "Ben"),
    ):
        with raises(NotFoundError, "task"):
            act()
    assert [card.number for card in hers.list_versions(one)] == [2, 1]


def test_a_stranger_writes_nothing(workspace: Workspace) -> None:
    def refuse() -> None:
        raise InputError("Who are you?")

    desk = LabelDesk(TaskStore(workspace), NOBODY, refuse)
    with pytest.raises(InputError, match="Who are you"):
        give(desk, SAMPLE, desk.look(SAMPLE, "me").ids[0], "positive")
    for act in (lambda: desk.edit(SAMPLE, []), lambda: desk.restore(SAMPLE, "x"), lambda: desk.paste(SAMPLE, "x")):
        with pytest.raises(InputError, match="Who are you"):
            act()
    assert list(workspace.tasks.iterdir()) == []


@pytest.mark.parametrize("visitor", [Visitor(None), ANNA])
def test_an_id_that_names_nothing_leaves_no_folder(workspace: Workspace, visitor: Visitor) -> None:
    desk = LabelDesk(TaskStore(workspace), visitor)
    for act in (
        lambda: desk.edit("no_such_task", [SetText(field="title", text="x")]),
        lambda: give(desk, "no_such_task", "x", "y"),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert list(workspace.tasks.iterdir()) == []


# ---- labelling


def test_a_label_counts_can_be_replaced_and_undone(desk: LabelDesk, task: str) -> None:
    give(desk, task, "sum-1", "one", at=1.0)
    give(desk, task, "sum-1", "two", at=2.0, before=1.0)
    assert desk.look(task, "me").mine["sum-1"].output == "two"
    before = desk.undo_label(task, "me", "sum-1", 2.0)
    assert before and before.output == "one"
    assert desk.undo_label(task, "me", "sum-1", 1.0) is None
    assert desk.look(task, "me").mine == {}
    assert desk.undo_label(task, "me", "sum-1", 1.0) is None


def test_two_windows_of_one_person_overwrite_nothing(desk: LabelDesk, task: str) -> None:
    give(desk, task, "sum-1", "one", at=1.0)
    with raises(EditConflict, "one") as conflict:
        give(desk, task, "sum-1", "two", at=2.0)
    assert conflict.value.current.output == "one"
    give(desk, task, "sum-1", "one", at=2.5)
    give(desk, task, "sum-1", "two", at=3.0, before=2.5)
    with pytest.raises(EditConflict, match="nothing was undone"):
        desk.undo_label(task, "me", "sum-1", 1.0)
    assert desk.look(task, "me").mine["sum-1"].output == "two"


def test_many_at_once_lose_nothing(workspace: Workspace, task: str) -> None:
    store = TaskStore(workspace)

    def work(name: str) -> None:
        for number in range(20):
            give(LabelDesk(store), task, f"sum-{number}", f"{name} {number}", by=name)

    threads = [threading.Thread(target=work, args=(f"person {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    labels = LabelDesk(store).read_labels(task)
    assert {name: len(given) for name, given in labels.items()} == {f"person {n}": 20 for n in range(4)}


@pytest.mark.parametrize("name", ["", "  ", "a" * 81, 7, None, "a\x00b", "\ud800"])
def test_a_name_that_is_none_is_refused_in_words(name: Any) -> None:
    with pytest.raises(InputError, match=r"\.$"):
        read_name(name)


def test_a_label_of_nothing_is_refused(desk: LabelDesk, task: str) -> None:
    with raises(InputError, "gone"):
        give(desk, task, "gone", "x")
    with pytest.raises(InputError, match="blank"):
        give(desk, task, "sum-1", "  ")
    assert desk.read_labels(task) == {}


def test_a_damaged_line_is_left_out(desk: LabelDesk, task: str) -> None:
    give(desk, task, "sum-1", "one")
    (file,) = desk.store.label_folder(task).glob("*.jsonl")
    file.write_text(file.read_text() + '{"by": "me"}\n{"by": "me", "id": "sum-2", "out')
    give(desk, task, "sum-3", "three")
    assert set(desk.look(task, "me").mine) == {"sum-1", "sum-3"}


# ---- several people


def test_people_get_shares_that_overlap_and_their_conflicts_are_settled(desk: LabelDesk, task: str) -> None:
    for name in ("Anna", "Ben"):
        give(desk, task, "sum-0", "same", by=name)
    assert set(desk.look_together(task).progress) == {"Anna", "Ben"}
    desk.set_overlap(task, 1.0, "Anna")
    hers, his = desk.look(task, "Anna").ids, desk.look(task, "Ben").ids
    assert set(hers) == set(his) and len(hers) == 20
    give(desk, task, "sum-1", "yes", by="Anna")
    give(desk, task, "sum-1", "no", by="Ben")
    found = desk.look_together(task)
    assert [one.id for one in found.agreement.conflicts] == ["sum-1"]
    assert found.changes == 1, "only what is agreed on counts"
    desk.settle(task, "sum-1", "yes", "Ben")
    assert desk.look_together(task).changes == 2
    desk.settle(task, "sum-1", None, "Ben")
    assert read_settled(desk.store.task_folder(task)) == {}
    desk.settle(task, "sum-1", "yes", "Ben")
    made = desk.use_labels(task, "Ben")
    outputs = {one.id: one.output for one in made.instances}
    assert (outputs["sum-0"], outputs["sum-1"]) == (("same",), ("yes",))
    assert desk.list_versions(task)[0].by == "Ben"
    assert desk.use_labels(task) == made, "using them again makes no version"


def test_one_who_looks_in_counts_once_they_label(desk: LabelDesk, task: str) -> None:
    give(desk, task, "sum-0", "x", by="Anna")
    assert len(desk.look(task, "Anna").ids) == 20
    assert len(desk.look(task, "Ben").ids) < 20
    assert len(desk.look(task, "Anna").ids) == 20, "looking is not joining"


# ---- importing and writing


def test_what_waits_is_labelled_and_becomes_instances(desk: LabelDesk, task: str) -> None:
    uploaded = desk.paste(task, "7 + 7\n8 + 8\n1 + 1\n8 + 8\n")
    assert (uploaded.waiting, uploaded.whole) == (2, 0), "1 + 1 is an instance already"
    sheet = desk.look(task, "me")
    assert (sheet.part, sheet.counts) == ("waiting", {"waiting": 2, "all": 22})
    items = desk.find_items(task, sheet.ids)
    assert [item.input for item in items] == ["7 + 7", "8 + 8"]
    for item, answer in zip(items, ("14", "16"), strict=True):
        give(desk, task, item.id, answer)
    made = desk.use_labels(task)
    assert [(one.input, one.output) for one in made.instances[-2:]] == [("7 + 7", ("14",)), ("8 + 8", ("16",))]
    assert desk.look(task, "me").part == "all"


def test_what_waits_can_be_dropped(desk: LabelDesk, task: str) -> None:
    desk.paste(task, "7 + 7\n8 + 8")
    first, _ = desk.look(task, "me").ids
    desk.drop_waiting(task, [first])
    assert [item.input for item in desk.list_items(task) if item.waiting] == ["8 + 8"]


def test_a_pasted_table_has_answers(desk: LabelDesk, task: str) -> None:
    text = "question,answer\n7 + 7,14\n8 + 8,\n1 + 1,2\n"
    seen = preview_pasted(text)
    assert seen and (seen.columns, seen.rows) == (("question", "answer"), 3)
    assert desk.paste(task, text, "question", "answer")[1:] == (1, 1)
    assert desk.load_task(task).instances[-1].output == ("14",)
    with raises(InputError, "x"):
        desk.paste(task, text, "x")


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("one\ntwo", ["one", "two"]),
        ("one\nline\n\nother", ["one\nline", "other"]),
        ("Tom came, and went.\nMia sang.", ["Tom came, and went.", "Mia sang."]),
        (" \n\t", []),
    ],
)
def test_plain_lines(text: str, inputs: list[str]) -> None:
    assert preview_pasted(text) is None
    assert [given for given, _ in read_pasted(text)] == inputs


def test_a_broken_table_says_where(desk: LabelDesk) -> None:
    lines = "\n".join(f"{n},yes" for n in range(30))
    seen = preview_pasted(f"input,output\n{lines}\nonly one\n")
    assert seen and seen.columns == () and "line 32" in seen.words


def test_an_instance_by_hand(desk: LabelDesk, task: str) -> None:
    made = desk.add_instance(task, "9 + 9", ["18", " "], "me")
    assert (made.instances[-1].input, made.instances[-1].output) == ("9 + 9", ("18",))
    for input, output in ((" ", "x"), ("x", " ")):
        with pytest.raises(InputError, match="is blank"):
            desk.add_instance(task, input, [output])
    assert len(desk.load_task(task).instances) == 21


def test_clashing_edits_are_named(desk: LabelDesk, task: str) -> None:
    desk.edit(task, [SetText(field="definition", text="Theirs.", before="Add the numbers.")], "Anna")
    mine = [
        SetText(field="title", text="Sums", before=""),
        SetText(field="definition", text="Mine.", before="Add the numbers."),
    ]
    with pytest.raises(EditConflict):
        desk.edit(task, mine)
    (clash,) = desk.find_clashes(task, mine)
    assert (clash.number, clash.current) == (1, "Theirs.")
    assert desk.load_task(task).title == "", "all or nothing"


def test_versions_are_compared_and_restored(desk: LabelDesk, task: str) -> None:
    first = desk.load_task(task).version
    second = desk.edit(task, [SetText(field="definition", text="Sum up.")], "Anna").version
    assert desk.compare(task, first, second).words == "definition changed"
    assert desk.restore(task, first, "Ben").definition == "Add the numbers."
    assert [(card.number, card.by) for card in desk.list_versions(task)] == [(3, "Ben"), (2, "Anna"), (1, "")]


# ---- the table


def test_rows_are_filtered(desk: LabelDesk, task: str) -> None:
    desk.paste(task, "7 + 7")
    give(desk, task, "sum-1", "2", by="Anna")
    give(desk, task, "sum-1", "3", by="Ben")
    give(desk, task, "sum-2", None, by="Ben")
    items, labels = desk.list_items(task), desk.read_labels(task)

    def ids(**wanted: Any) -> list[str]:
        return [row.item.id for row in filter_rows(items, labels, Filter("Ben", **wanted))]

    assert len(ids()) == 21 and len(ids(show="unlabelled")) == 19
    assert ids(show="labelled") == ids(show="conflicts") == ["sum-1"]
    assert ids(show="skipped") == ["sum-2"]
    assert [items[0].id] == ids(show="waiting") == ids(search="7 + 7", show="waiting")
    assert ids(answer="3") == ["sum-1"]
    assert "sum-10" in ids(answer="13"), "what is in the task counts"
    assert ids(search="nobody wrote this") == []


def test_many_rows_are_changed_at_once(desk: LabelDesk, task: str) -> None:
    items = desk.find_items(task, ["sum-1", "sum-2", "gone"])
    made = desk.edit(task, make_bulk_edits(items, "ten"))
    assert [one.output for one in made.instances[1:3]] == [("ten",), ("ten",)]
    assert make_bulk_edits(desk.find_items(task, ["sum-1"]), "ten") == []
    with pytest.raises(EditConflict):
        desk.edit(task, [SetOutput(id="sum-1", output=("x",), before=items[0].outputs)])
    assert len(desk.edit(task, make_bulk_edits(items, None)).instances) == 18
    with raises(InputError, "row"):
        make_bulk_edits([], "x")


def test_progress_tells_the_time_left(desk: LabelDesk, task: str) -> None:
    for number in range(4):
        give(desk, task, f"sum-{number}", "x", seconds=30.0)
    assert desk.look(task, "me").progress == Progress(4, 20, 480.0)
    assert desk.look(task, "me").progress.words == "4 of 20, about 8 minutes left"


def test_labels_are_on_the_disk_when_the_call_returns(desk: LabelDesk, task: str, workspace: Workspace) -> None:
    give(desk, task, "sum-1", "one")
    assert set(LabelDesk(TaskStore(Workspace(workspace.folder))).look(task, "me").mine) == {"sum-1"}
    assert isinstance(desk.store.label_folder(task), Path)


# ---- other kinds of data


def test_what_is_written_by_hand_is_of_the_kind_of_its_task(desk: LabelDesk, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    (tmp_path / "chat.json").write_text(json.dumps([{"messages": turns}]))
    chat = import_file(desk.store, tmp_path / "chat.json", "chat.json").task.task_id
    done = desk.add_instance(chat, "And now?", ["Go."])
    assert [(turn.role, turn.content) for turn in done.instances[1].messages] == [
        ("user", "And now?"), ("assistant", "Go.")]  # fmt: skip
    (tmp_path / "pairs.json").write_text(json.dumps([{"prompt": "a", "chosen": "b", "rejected": "c"}]))
    pairs = import_file(desk.store, tmp_path / "pairs.json", "pairs.json").task.task_id
    with pytest.raises(InputError) as refused:
        desk.add_instance(pairs, "And now?", ["Go."])
    assert refused.value.field == "rejected" and len(desk.load_task(pairs).instances) == 1


@pytest.mark.parametrize(("row", "field"), [({"chosen": "b", "rejected": "c"}, "rejected"),
                                            ({"completion": "b", "label": True}, "liked")])  # fmt: skip
def test_what_waits_for_an_answer_never_becomes_half_an_instance(
    desk: LabelDesk, tmp_path: Path, row: dict[str, Any], field: str
) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([{"prompt": "a", **row}]))
    task = import_file(desk.store, tmp_path / "rows.json", "rows.json").task
    for act in (desk.let_wait, desk.paste):
        with raises(InputError) as told:
            act(task.task_id, "q")
        assert told.value.field == field
    add_inputs(desk.store.task_folder(task.task_id), task, ["q"])  # as an older studio let it
    give(desk, task.task_id, desk.list_items(task.task_id)[0].id, "an answer")
    with raises(InputError) as told:
        desk.use_labels(task.task_id)
    assert told.value.field == field
    assert desk.load_task(task.task_id) == task
