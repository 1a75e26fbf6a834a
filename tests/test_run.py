"""A run is a folder: its files, its one launch, its checkpoints, and what accidents leave in it."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from telling import raises, tells
from tiny import end_sleeper, give_to_process, make_checkpoint, make_run, start_sleeper

from studio.errors import NotFoundError, WorkspaceError
from studio.launchers.local import find_birth
from studio.recipes.recipe import read_recipe
from studio.runs.run import Run, find_run, list_runs, new_run
from studio.workspace import Workspace

RECIPE = read_recipe({"task_id": "sums"})
WEIGHTS = (2).to_bytes(8, "little") + b"{}"
"""A safetensors file of no weights."""


def test_a_run_is_found_with_the_recipe_it_was_made_with(workspace: Workspace) -> None:
    recipe = read_recipe({"task_id": "sums", "method": {"name": "lora", "targets": "größe, 你好"}})
    run = new_run(workspace, recipe)
    again = find_run(workspace, run.run_id)
    assert again.load_recipe() == recipe
    assert run.name == "-".join(run.run_id.split("-")[2:])
    assert not run.was_launched() and not run.is_alive() and run.list_checkpoints() == []


def test_the_same_click_never_makes_two_runs(workspace: Workspace) -> None:
    first = new_run(workspace, RECIPE, "click 1\r\nöäü")
    assert new_run(workspace, RECIPE, "click 1\r\nöäü").run_id == first.run_id
    assert new_run(workspace, RECIPE, "click 2").run_id != first.run_id
    assert new_run(workspace, RECIPE).run_id != new_run(workspace, RECIPE).run_id
    find_run(workspace, first.run_id).delete()
    assert new_run(workspace, RECIPE, "click 1\r\nöäü").run_id != first.run_id


def test_runs_are_listed_the_newest_first_even_of_one_second(workspace: Workspace) -> None:
    made = [make_run(workspace).run_id for _ in range(12)]
    assert [run.run_id for run in list_runs(workspace)] == made[::-1]


def test_what_is_no_run_is_not_listed(workspace: Workspace) -> None:
    run = make_run(workspace)
    (workspace.runs / "notes.txt").write_text("hello")
    (workspace.runs / "empty").mkdir()
    (workspace.runs / ".DS_Store").write_text("")
    for name in ("My run", ".deleted-x", "x" * 100, "größe"):
        shutil.copytree(run.folder, workspace.runs / name)
    assert [run.run_id for run in list_runs(workspace)] == [run.run_id]


def test_a_run_that_was_copied_by_hand_is_a_run(workspace: Workspace) -> None:
    shutil.copytree(make_run(workspace).folder, workspace.runs / "copy-of-mine")
    copy = find_run(workspace, "copy-of-mine")
    assert copy.name == "mine"
    assert copy.load_recipe().task_id
    assert len(list_runs(workspace)) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        (b"", "not JSON"),
        (b'{"task_id": ', "not JSON"),
        (b"\xff", "can't decode byte"),
        (b"[]", "not a list"),
        (b'{"task_id": "sums", "method": {"name": "lora", "rank": 0}}', "rank 1 256 0"),
        (b'{"task_id": "sums", "method": {"name": "magic"}}', "magic"),
    ],
)
def test_a_damaged_recipe_is_told_with_its_run(workspace: Workspace, text: bytes | None, words: str) -> None:
    run = make_run(workspace)
    (run.folder / "recipe.json").unlink()
    if text is not None:
        (run.folder / "recipe.json").write_bytes(text)
    with raises(WorkspaceError, words) as told:
        run.load_recipe()
    assert tells(told.value, run.name)


def test_only_whole_checkpoints_are_listed(workspace: Workspace) -> None:
    run = make_run(workspace)
    with raises(NotFoundError, run.name):
        run.find_checkpoint()
    for step in (20, 100, 3):
        make_checkpoint(run, step)
    for name in (".beside", ".step-40.partial", "step-", "step-x", "step-4.tmp", "checkpoint-5", "step-1234567890"):
        (run.checkpoints_folder / name).mkdir()
    (run.checkpoints_folder / "step-50").write_text("a file is no checkpoint")
    assert run.list_checkpoints() == [3, 20, 100]
    assert run.find_checkpoint().name == "step-100"
    assert run.find_checkpoint(20).name == "step-20"
    with raises(NotFoundError, "50 3 20 100") as told:
        run.find_checkpoint(50)
    assert told.value.field == "step"


def test_a_run_lives_as_long_as_its_process(workspace: Workspace) -> None:
    run = make_run(workspace)
    sleeper = start_sleeper()
    try:
        give_to_process(run, sleeper.pid)
        assert run.was_launched() and run.is_alive()
    finally:
        end_sleeper(sleeper)
    assert run.was_launched() and not run.is_alive()


def test_a_zombie_is_dead(workspace: Workspace) -> None:
    run = make_run(workspace)
    sleeper = start_sleeper()
    give_to_process(run, sleeper.pid)
    assert sleeper.stdin is not None
    sleeper.stdin.close()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # ended, and its parent hasn't asked yet
    assert psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE
    assert not run.is_alive()
    sleeper.wait(timeout=120)


def test_another_process_with_the_same_number_does_not_count(workspace: Workspace) -> None:
    run = make_run(workspace)
    give_to_process(run, os.getpid())
    assert run.is_alive()
    noted = json.loads(run.process_file.read_text())
    run.process_file.write_text(json.dumps(noted | {"born": "1@another start"}))
    assert not run.is_alive()
    run.process_file.write_text(json.dumps(noted | {"born": "", "created": noted["created"] - 3600}))
    assert not run.is_alive()


@pytest.mark.skipif(not find_birth(os.getpid()), reason="only Linux tells a birth that no clock changes")
def test_a_clock_that_was_set_makes_no_stranger_of_a_child(workspace: Workspace) -> None:
    run = make_run(workspace)
    give_to_process(run, os.getpid())
    noted = json.loads(run.process_file.read_text())
    for hours in (-1, 1):  # psutil adds the time of the computer's start by the clock as it is now
        run.process_file.write_text(json.dumps(noted | {"created": noted["created"] + 3600 * hours}))
        assert run.is_alive()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"pid": 1}', '{"pid": -5, "created": 1, "offset": 0}', '{"pid": "x", "created": 1}'],
)
def test_a_damaged_note_of_the_process_means_that_it_is_dead(workspace: Workspace, text: str) -> None:
    run = make_run(workspace)
    run.process_file.write_text(text)
    assert run.was_launched() and not run.is_alive()


def test_a_huge_process_number_is_dead(workspace: Workspace) -> None:
    run = make_run(workspace)
    for pid in (10**30, 2**31 - 1):
        run.process_file.write_text(json.dumps({"pid": pid, "created": 1, "offset": 0}))
        assert not run.is_alive()


def test_a_launch_forgets_old_wishes(workspace: Workspace) -> None:
    run = make_run(workspace)
    run.request_stop()
    run.request_resume()
    give_to_process(run, os.getpid())
    assert not run.stop_file.exists() and not run.resume_file.exists()


def test_a_deleted_run_is_gone(workspace: Workspace) -> None:
    run, other = make_run(workspace), make_run(workspace)
    make_checkpoint(run, 5)
    run.delete()
    assert [left.run_id for left in list_runs(workspace)] == [other.run_id]
    assert [path.name for path in workspace.runs.iterdir()] == [other.run_id]
    with pytest.raises(NotFoundError):
        find_run(workspace, run.run_id)
    with pytest.raises(WorkspaceError, match="No such file or directory"):
        run.delete()
    with pytest.raises(WorkspaceError):
        run.request_stop()


def test_runs_are_made_while_others_list_and_delete_them(workspace: Workspace) -> None:
    broken: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                for run in list_runs(workspace):
                    run.list_checkpoints()
                    run.is_alive()
        except BaseException as error:
            broken.append(error)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for _ in range(40):
        make_run(workspace).delete()
    done.set()
    for looker in lookers:
        looker.join(timeout=120)
    assert not broken


FULL_DISK = """
import resource, sys
from studio.errors import WorkspaceError
from studio.launchers.local import find_birth
from studio.recipes.recipe import read_recipe
from studio.runs.run import new_run
from studio.workspace import Workspace

workspace = Workspace(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    new_run(workspace, read_recipe({"task_id": "sums"}), "click")
except WorkspaceError as error:
    print(error)
"""


def test_a_run_that_can_not_be_written_leaves_no_folder(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert tells(done.stdout, "larger")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_object_can_be_made_of_any_folder(tmp_path: Path) -> None:
    run = Run(tmp_path / "gone")
    assert run.list_checkpoints() == [] and not run.is_alive() and run.queued_at == 0


def test_a_checkpoint_is_replaced_and_forgotten_at_once(workspace: Workspace) -> None:
    run = make_run(workspace)
    make_checkpoint(run, 5)
    for text in ("first", "second"):
        beside = run.checkpoints_folder / ".beside"
        beside.mkdir()
        (beside / "recipe.json").write_text(text)
        (beside / "adapter_model.safetensors").write_bytes(WEIGHTS)
        run.keep_checkpoint(beside, 9)
        assert run.list_checkpoints() == [5, 9]
        assert (run.find_checkpoint(9) / "recipe.json").read_text() == text
    run.forget_checkpoint(5)
    run.forget_checkpoint(7)
    assert [path.name for path in run.checkpoints_folder.iterdir()] == ["step-9"]


def test_who_looks_while_an_old_checkpoint_makes_room_for_a_new_one_sees_one(workspace: Workspace) -> None:
    run = make_run(workspace)
    make_checkpoint(run, 1)
    looks: list[list[int]] = []

    def look() -> None:
        while not looks or looks[-1] != [300]:
            looks.append(run.list_checkpoints())

    viewer = threading.Thread(target=look)
    viewer.start()
    for step in range(2, 301):
        beside = Path(shutil.copytree(run.checkpoints_folder / f"step-{step - 1}", run.checkpoints_folder / ".beside"))
        run.keep_checkpoint(beside, step)
        run.forget_checkpoint(step - 1)
    viewer.join(timeout=120)
    assert not viewer.is_alive() and all(looks)


def test_the_leavings_of_a_killed_training_are_cleared(workspace: Workspace) -> None:
    run = make_run(workspace)
    run.clear_leavings()
    make_checkpoint(run, 5)
    for name in (".beside/checkpoint-7", ".gone-3"):
        (run.checkpoints_folder / name).mkdir(parents=True)
    run.clear_leavings()
    assert [path.name for path in run.checkpoints_folder.iterdir()] == ["step-5"]
