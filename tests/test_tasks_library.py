"""Collections in a workspace: imported, listed, opened, and a task taken out to be edited."""

import json
import subprocess
import sys
from pathlib import Path

from telling import raises

from studio.errors import NotFoundError, TaskError
from studio.tasks.edit import SetText
from studio.tasks.library.library import CollectionCard, Library
from studio.tasks.store import TaskStore
from studio.workspace import Workspace


def write(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        rows = [{"id": f"task{number}-{n}", "input": f"in {n}", "output": ["out"]} for n in range(3)]
        text = json.dumps({"Definition": ["Do."], "Categories": [], "Instances": rows})
        (folder / f"task{number}_x.json").write_text(text)
    return folder


def test_a_collection_from_folder_to_edit(workspace: Workspace, tmp_path: Path) -> None:
    library, store = Library(workspace), TaskStore(workspace)
    assert library.list_collections() == []
    (write(tmp_path / "NI tasks", 4) / "bad.json").write_text("{")
    card = library.upload(tmp_path / "NI tasks", "NI tasks")
    assert card == CollectionCard(collection_id="ni_tasks", tasks=4, instances=12, refused=1)
    assert Library(workspace).list_collections() == [card]
    assert [instance.id for instance in library.open("ni_tasks").page(2, 2)] == ["task0-2", "task1-0"]
    taken = library.take_task("ni_tasks", "task2_x", store).task
    assert store.load_task("task2_x") == taken
    assert store.edit_task("task2_x", [SetText(field="definition", text="Do it.")]).definition == "Do it."
    assert library.upload(write(tmp_path / "NI tasks", 6), "NI tasks").tasks == 6
    assert len(library.list_collections()) == 1


def test_deleting_leaves_what_was_taken_out_and_what_is_open(workspace: Workspace, tmp_path: Path) -> None:
    library, store = Library(workspace), TaskStore(workspace)
    for name in ("one", "two"):
        library.upload(write(tmp_path / name, 2), name)
    taken, opened = library.take_task("one", "task1_x", store).task, library.open("one")
    library.delete("one")
    assert [card.collection_id for card in library.list_collections()] == ["two"]
    assert [path.name for path in library.folder.iterdir()] == ["two"], "nothing of it stays on the disk"
    assert store.load_task("task1_x") == taken
    assert opened.load_task("task0_x").instances[2].input == "in 2", "who reads it reads on"
    for name in ("one", "never"):
        with raises(NotFoundError, name):
            library.delete(name)
    for name in ("../tasks", "", ".", "..", "two/instances.arrow"):
        with raises(NotFoundError, "collection"):
            library.delete(name)
    assert library.upload(tmp_path / "one", "one").tasks == 2


def test_what_cannot_be_uploaded_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    library = Library(workspace)
    (tmp_path / "a.json").write_text("{")
    with raises(TaskError, "a.json"):
        library.upload(tmp_path / "a.json", "a.json")
    assert library.list_collections() == [] and not list(library.folder.iterdir())
    with raises(NotFoundError, "gone"):
        library.open("gone")
    with raises(NotFoundError, "collection"):
        library.open("../tasks")


def test_a_damaged_collection_is_left_out_of_the_list(workspace: Workspace, tmp_path: Path) -> None:
    library = Library(workspace)
    library.upload(write(tmp_path / "tasks", 2), "tasks")
    (library.folder / "tasks" / "instances.arrow").write_bytes(b"ARROW")
    assert library.list_collections() == []


def test_a_list_of_collections_waits_for_no_heavy_library(workspace: Workspace, tmp_path: Path) -> None:
    Library(workspace).upload(write(tmp_path / "tasks", 2), "tasks")
    program = (
        "import sys; from studio.tasks.library.library import Library; from studio.workspace import Workspace; "
        f"cards = Library(Workspace({str(workspace.folder)!r})).list_collections(); "
        "print(len(cards), sorted({'datasets', 'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "1 []"
