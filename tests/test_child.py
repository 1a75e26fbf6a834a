"""The training child as a real process: killed in the middle it is lost and goes on, and no half checkpoint is seen."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from nursery import Nursery
from telling import tells
from tiny import import_task, kinds, losses, read_all, train, wait_until, write_recipe

from studio.launchers.inline import InlineLauncher
from studio.launchers.launcher import Launcher
from studio.launchers.process import ProcessLauncher
from studio.recipes.recipe import read_recipe
from studio.runs.run import Run, find_run, new_run
from studio.service import Studio
from studio.workspace import Workspace

QUICK = {"max_steps": 60, "save_every": 5, "evaluate_every": 0, "keep_checkpoints": 1000}


@pytest.fixture
def open_studio(workspace: Workspace) -> Iterator[Callable[[Launcher], Studio]]:
    """Open a studio with a launcher, and the task of sums; what it started and still lives is ended."""
    import_task(workspace)
    opened: list[Studio] = []

    def open_one(launcher: Launcher) -> Studio:
        opened.append(Studio(workspace, launcher).open())
        return opened[-1]

    yield open_one
    for studio in opened:
        studio.close()
        for status in studio.list_runs():
            launch = find_run(workspace, status.run_id).find_launch()
            if launch is not None and launch.is_alive():
                os.kill(launch.ticket["pid"], signal.SIGKILL)


def is_whole(folder: Path) -> bool:
    """Whether a listed checkpoint can be loaded."""
    from safetensors import safe_open

    with safe_open(folder / "adapter_model.safetensors", framework="np") as file:
        names = list(file.keys())
    needed = ("recipe.json", "adapter_config.json", "trainer_state.json", "optimizer.pt", "scheduler.pt")
    return len(names) == 28 and all((folder / name).stat().st_size for name in needed)


@pytest.mark.long
@pytest.mark.slow
def test_what_was_killed_is_lost_and_goes_on_to_the_very_same_end(
    open_studio: Callable[[Launcher], Studio], nursery: Nursery, tiny_model: Path
) -> None:
    studio = open_studio(nursery)
    run_id = studio.start_run(write_recipe(tiny_model, training=QUICK))
    run = find_run(studio.workspace, run_id)
    seen: set[int] = set()
    broken: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for step in set(run.list_checkpoints()) - seen:
                seen.add(step)
                if not is_whole(run.find_checkpoint(step)):
                    broken.append(step)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        wait_until(lambda: studio.run_status(run_id).step >= 20, seconds=200)
        launch = run.find_launch()
        assert launch is not None
        os.kill(launch.ticket["pid"], signal.SIGKILL)
        status = wait_until(lambda: (now := studio.run_status(run_id)).status == "lost" and now)
        assert status.can_resume and status.checkpoints and status.step < 60
        first = losses(read_all(run))

        studio.resume_run(run_id)
        wait_until(lambda: studio.run_status(run_id).status == "finished", seconds=200)
    finally:
        done.set()
        looker.join(timeout=120)
    assert not broken and len(seen) > 4
    assert kinds(run).count("started") == 2 and kinds(run)[-1] == "finished"
    again = [event for event in read_all(run) if event["event"] == "started"][1]
    assert again["resumed_from"] in status.checkpoints and again["attempt"] == 2
    told = losses(read_all(run))
    assert list(told) == list(range(1, 61)) and all(told[step] == first[step] for step in first)
    assert run.list_checkpoints() == list(range(5, 61, 5))
    assert not [path for path in run.checkpoints_folder.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.long
def test_a_training_outlives_the_studio_and_heeds_another_one(
    open_studio: Callable[[Launcher], Studio], workspace: Workspace, tiny_model: Path
) -> None:
    studio = open_studio(ProcessLauncher())
    run_id = studio.start_run(write_recipe(tiny_model, training={**QUICK, "max_steps": 100_000, "save_every": 0}))
    wait_until(lambda: studio.run_status(run_id).status == "running", seconds=200)
    launch = find_run(workspace, run_id).find_launch()
    assert launch is not None and psutil.Process(launch.ticket["pid"]).ppid() == os.getpid()
    assert os.getsid(launch.ticket["pid"]) == launch.ticket["pid"] != os.getsid(0)
    studio.close()
    other = Studio(workspace, ProcessLauncher())
    step = other.run_status(run_id).step
    wait_until(lambda: other.run_status(run_id).step > step)
    other.stop_run(run_id)
    status = wait_until(lambda: (now := other.run_status(run_id)).status == "stopped" and now)
    assert status.checkpoints == [status.step] and status.can_resume
    assert "Traceback" not in find_run(workspace, run_id).output_file.read_text()


@pytest.mark.long
@pytest.mark.usefixtures("spare_child")
def test_a_child_that_waits_is_given_the_next_run(workspace: Workspace, tiny_model: Path) -> None:
    import_task(workspace)
    launcher = ProcessLauncher()
    try:
        launcher.prepare()
        launcher.prepare()
        spare = launcher._spare
        assert spare is not None
        studio = Studio(workspace, launcher)
        run_id = studio.start_run(write_recipe(tiny_model, training={"max_steps": 2}))
        studio.scheduler.start_next()
        run = find_run(workspace, run_id)
        launch = run.find_launch()
        assert launch is not None and launch.ticket["pid"] == spare.pid and launcher._spare is None
        wait_until(lambda: studio.run_status(run_id).status == "finished", seconds=200)
        assert losses(read_all(run)) == losses(
            read_all(train(workspace, write_recipe(tiny_model, training={"max_steps": 2})))
        )
        launcher.prepare()
        unused = launcher._spare
    finally:
        launcher.close()
    assert unused is not None and unused.returncode == 0


@pytest.mark.usefixtures("spare_child")
def test_a_child_whose_studio_dies_before_it_has_a_run_ends(workspace: Workspace) -> None:
    launcher = ProcessLauncher()
    launcher.prepare()
    spare = launcher._spare
    assert spare is not None and spare.stdin is not None
    spare.stdin.close()
    assert spare.wait(timeout=120) == 0


def test_a_child_that_is_given_nonsense_writes_nothing(workspace: Workspace) -> None:
    line = json.dumps([str(workspace.folder), "../x"])
    done = subprocess.run(
        [sys.executable, "-m", "studio.works.worker"], input=line, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0 and tells(done.stderr, "NotFoundError")
    assert list(workspace.runs.iterdir()) == [] and not Run(workspace.runs / "x").was_launched()


@pytest.mark.slow
def test_a_disk_that_fills_up_while_a_checkpoint_is_written_is_told_in_words(
    workspace: Workspace, tiny_model: Path, nursery: Nursery
) -> None:
    import_task(workspace)
    run = new_run(workspace, read_recipe(write_recipe(tiny_model)))
    nursery.most_bytes = 20_000
    nursery.launch(workspace, run)
    launch = run.find_launch()
    assert launch is not None
    wait_until(lambda: nursery.find_exit_code(launch.ticket["pid"]) is not None)
    last = read_all(run)[-1]
    assert last["event"] == "failed" and tells(last["error"], "disk full") and last["remedy"]
    assert run.list_checkpoints() == []
    InlineLauncher().launch(workspace, run)
    assert read_all(run)[-1]["event"] == "finished" and run.list_checkpoints() == [4, 8]
    assert sorted(path.name for path in run.checkpoints_folder.iterdir()) == ["step-4", "step-8"]
