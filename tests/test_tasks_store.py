"""Where tasks are kept: versions, samples that can't be overwritten, lists that don't read twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telling import raises, tells

import studio.tasks.store as store_module
from studio.errors import NotFoundError, TaskError, WorkspaceError
from studio.tasks.reading.slug import make_task_id
from studio.tasks.reading.task_file import import_file
from studio.tasks.store import TaskStore
from studio.tasks.task import to_v2
from studio.workspace import Workspace, check_id


def write(path: Path, definition: str = "Do it.", **more: Any) -> Path:
    instances = [{"id": f"task1-{n}", "input": f"in {n}", "output": ["out"]} for n in range(4)]
    path.write_text(json.dumps({"Definition": [definition], "Categories": [], "Instances": instances, **more}))
    return path


@pytest.fixture
def store(tmp_path: Path) -> TaskStore:
    samples = tmp_path / "samples"
    (samples / "unseen").mkdir(parents=True)
    write(samples / "studio001_sentiment.json", Title="Is it good?")
    write(samples / "unseen" / "studio001_sentiment.json", "Unseen.")
    (samples / "scores.json").write_text(json.dumps({"studio001_sentiment": {"seconds": 20}}))
    return TaskStore(Workspace(tmp_path / "home"), samples)


def test_samples_first_with_their_scores(store: TaskStore, tmp_path: Path) -> None:
    import_file(store, write(tmp_path / "x.json"), "A Task.json")
    sample, mine = store.list_tasks()
    assert (sample.task_id, sample.title, sample.instances, sample.source) == (
        "studio001_sentiment",
        "Is it good?",
        4,
        "sample",
    )
    assert sample.scores == {"seconds": 20}
    assert (mine.task_id, mine.title, mine.source, mine.scores) == ("a_task", "A task", "yours", None)
    assert mine.version == store.load_task("a_task").version


def test_scores_that_cannot_be_read_are_no_scores(store: TaskStore) -> None:
    (store.samples / "scores.json").write_text("{")
    assert store.list_tasks()[0].scores is None


def test_versions(store: TaskStore, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    first = import_file(store, write(path, "One."), "task.json")
    again = import_file(store, path, "Task (1).json")
    second = import_file(store, write(path, "Two."), "task.json")
    names = sorted(file.name for file in (store.workspace.tasks / "task").glob("0*"))
    assert names == [f"0001-{first.task.version}.json", f"0002-{second.task.version}.json"]
    assert again.task == first.task
    assert tells(second.warnings[-1], "version 2")
    assert store.load_task("task").definition == "Two."
    assert store.load_task("task", first.task.version) == first.task
    assert len(store.list_tasks()) == 2
    third = import_file(store, write(path, "One."), "task.json")
    assert third.task.version == first.task.version
    assert store.load_task("task").definition == "One."


def test_what_is_kept_is_v2(store: TaskStore, tmp_path: Path) -> None:
    task = import_file(store, write(tmp_path / "x.json", Odd=[1]), "task.json").task
    file = next((store.workspace.tasks / "task").glob("0*"))
    assert json.loads(file.read_text()) == to_v2(task)
    assert store.load_task("task") == task


def test_a_sample_that_a_run_was_made_with_outlives_a_new_edition_of_the_studio(store: TaskStore) -> None:
    old = store.load_task("studio001_sentiment")
    store.pin(old)
    store.pin(old)
    write(store.samples / "studio001_sentiment.json", "Is the review good?")
    new = store.load_task("studio001_sentiment")
    assert new.version != old.version
    assert store.load_task("studio001_sentiment", old.version) == old
    assert store.load_task("studio001_sentiment", new.version) == new
    assert [card.source for card in store.list_tasks()] == ["sample"]
    assert store.load_unseen("studio001_sentiment", new.version) is not None
    assert store.load_unseen("studio001_sentiment", old.version) is None, "its words may be in the old edition"
    with raises(NotFoundError, "abc"):
        store.load_task("studio001_sentiment", "abc")


def test_a_sample_is_never_overwritten(store: TaskStore, tmp_path: Path) -> None:
    reading = import_file(store, write(tmp_path / "x.json", "Mine."), "studio001_sentiment.json")
    assert reading.task.task_id == "studio001_sentiment_yours"
    assert tells(reading.warnings[-1], "sample")
    assert store.load_task("studio001_sentiment").title == "Is it good?"
    assert store.load_task("studio001_sentiment_yours").definition == "Mine."


def test_unseen(store: TaskStore, tmp_path: Path) -> None:
    unseen = store.load_unseen("studio001_sentiment")
    assert unseen is not None
    assert unseen.definition == "Unseen."
    import_file(store, write(tmp_path / "x.json"), "task.json")
    assert store.load_unseen("task") is None


@pytest.mark.parametrize("task_id", ["../runs", "", "A", "x/y", "scores", "a" * 99, "nothing_like_it"])
def test_unknown_ids(store: TaskStore, task_id: str) -> None:
    with pytest.raises(NotFoundError):
        store.load_task(task_id)


def test_the_nearest_name_and_the_known_versions(store: TaskStore, tmp_path: Path) -> None:
    version = import_file(store, write(tmp_path / "x.json"), "colour.json").task.version
    with raises(NotFoundError, "color"):
        store.load_task("color")
    with raises(NotFoundError, f"123 {version}"):
        store.load_task("colour", "123")
    with raises(NotFoundError):
        store.load_task("studio001_sentiment", "123")


def test_a_refused_file_leaves_nothing(store: TaskStore, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{")
    with pytest.raises(TaskError):
        import_file(store, path, "task.json")
    assert list(store.workspace.tasks.iterdir()) == []


def test_no_file_is_read_twice(store: TaskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.list_tasks()
    import_file(store, write(tmp_path / "x.json"), "task.json")

    def never(data: bytes, name: str, task_id: str) -> None:
        raise AssertionError(f"{name} was read again")

    monkeypatch.setattr(store_module, "read_v2", never)
    cards = store.list_tasks()
    assert [card.task_id for card in cards] == ["studio001_sentiment", "task"]
    assert store.load_task("task").task_id == "task"
    assert TaskStore(Workspace(store.workspace.folder), store.samples).list_tasks() == cards


def test_a_damaged_file_is_left_out_of_the_list(store: TaskStore, tmp_path: Path) -> None:
    import_file(store, write(tmp_path / "x.json"), "task.json")
    kept = next((store.workspace.tasks / "task").glob("0*"))
    kept.write_text("{")
    assert [card.task_id for card in store.list_tasks()] == ["studio001_sentiment"]
    with pytest.raises(WorkspaceError) as refused:
        store.load_task("task")
    assert kept.name in str(refused.value)


@pytest.mark.parametrize(
    ("name", "task_id"),
    [("C:\\Data\\My Task (1).JSON", "my_task"), ("/home/x/task1155_bard.json", "task1155_bard"),
     ("Größe & Café.json", "grosse_cafe"), ("it's.json.txt", "its"), ("con.json", "task_con"),
     ("Task59__Circa__Context.json", "task59_circa_context")],
)  # fmt: skip
def test_names(name: str, task_id: str) -> None:
    assert make_task_id(name) == task_id


def test_names_in_another_script_stay_apart() -> None:
    assert make_task_id("数据1.json") != make_task_id("データ1.json")


@given(st.text())
def test_any_name_becomes_an_id(name: str) -> None:
    assert check_id(make_task_id(name), "task")
    assert len(make_task_id(name)) <= 74
