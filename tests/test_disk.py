"""A disk that is full or read-only: said in words, with nothing half written, and the next run works.

The disks are real: a small tmpfs, mounted in a namespace of the test's own, which ends with its process.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from telling import tells
from tiny import write_recipe

ROOT = Path(__file__).resolve().parents[1]
HEAD = """
import json, os, subprocess, sys, time, traceback
from pathlib import Path
from tiny import *
from studio.errors import StudioError
from studio.launchers.inline import InlineLauncher
from studio.runs.run import find_run, list_runs
from studio.queueing.scheduler import Scheduler
from studio.runs.status import Watch
from studio.service import Studio
from studio.workspace import Workspace

homes, (recipe, scripts), told = Path(sys.argv[1]), map(json.loads, sys.argv[2:]), {}

def leave(free):
    "Fill the disk but for so many bytes."
    filler = home / "filler"
    with open(filler, "ab") as file:
        left = os.statvfs(home)
        file.write(bytes(max(0, left.f_bavail * left.f_frsize - free)))

def words_of(act):
    try:
        return str(act() or "")
    except StudioError as error:
        return str(error)
"""
FOOT = """
for name, (size, script) in scripts.items():
    home, said = homes / name, {}
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "studio", str(home)], check=True)
    try:
        exec(script, globals())
    except BaseException:
        said = {"broke": traceback.format_exc()}
    told[name] = said
print(json.dumps(told))
"""


def can_mount() -> bool:
    """Whether this user may mount a disk of its own here."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs studio /mnt"]
    return subprocess.run(command, capture_output=True, timeout=30).returncode == 0


@pytest.fixture(scope="module")
def told(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each script says that ran on a disk of its own: in one process, whose imports are most of the time."""
    if not can_mount():
        pytest.skip("This user can't mount a disk of its own (unshare -rm).")
    homes = tmp_path_factory.mktemp("disks")
    python = [sys.executable, "-c", HEAD + FOOT, str(homes), json.dumps(write_recipe(tiny_model)), json.dumps(SCRIPTS)]
    done = subprocess.run(
        ["unshare", "-rm", *python],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


FULL_WHILE_IT_TRAINS = """
workspace = Workspace(home)
import_task(workspace)
studio = Studio(workspace, InlineLauncher())
run = find_run(workspace, studio.start_run(recipe))
save = type(run).keep_checkpoint
def fill_then_keep(self, folder, step):
    save(self, folder, step)
    if step == 4:
        leave(40_000)  # less than the next checkpoint needs
type(run).keep_checkpoint = fill_then_keep
studio.scheduler.start_next()
type(run).keep_checkpoint = save
status = studio.run_status(run.run_id)
said["status"] = [status.status, status.step, status.error, status.remedy, status.checkpoints]
said["left"] = sorted(path.name for path in run.checkpoints_folder.iterdir())
said["can_resume"] = status.can_resume
(home / "filler").unlink()
studio.resume_run(run.run_id)
studio.scheduler.start_next()
status = studio.run_status(run.run_id)
said["after"] = [status.status, status.step, status.error, status.checkpoints]
said["losses"] = [(event["step"], event["loss"]) for event in read_all(run) if event["event"] == "metrics"]
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_disk_that_is_full_at_a_checkpoint_fails_in_words_and_goes_on_when_there_is_room(
    told: dict[str, Any],
) -> None:
    said = told["full while it trains"]
    assert "broke" not in said, said
    status, step, error, remedy, kept = said["status"]
    assert (status, step, kept) == ("failed", 8, [4]) and tells(error, "disk full") and remedy
    assert said["left"] == ["step-4"] and said["can_resume"]
    assert said["after"] == ["finished", 8, None, [4, 8]]
    assert [step for step, _ in said["losses"]] == [*range(1, 9), *range(5, 9)]
    assert said["losses"][4:8] == said["losses"][8:], "what went on lost its way"


FULL_BEFORE_IT_STARTS = """
workspace = Workspace(home)
import_task(workspace)
scheduler = Scheduler(workspace, WritingLauncher())
studio = Studio(workspace, scheduler.launcher)
studio.scheduler = scheduler
run = find_run(workspace, studio.start_run(recipe))
leave(0)
said["start"] = words_of(lambda: studio.start_run(recipe))
mine = home.with_name("mine.json")
mine.write_text(json.dumps(write_task()))
said["import"] = words_of(lambda: studio.import_task(mine, "mine.json"))
said["list"] = len(studio.list_tasks()) > 2
said["runs"] = [status.run_id for status in studio.list_runs()] == [run.run_id]
said["folders"] = sorted(path.name for path in workspace.runs.iterdir()) == [run.run_id]
said["next"] = [words_of(scheduler.start_next), words_of(scheduler.start_next)]
status = studio.run_status(run.run_id)
said["status"] = [status.status, status.error]
(home / "filler").unlink()
studio.resume_run(run.run_id) if status.status == "failed" else None
scheduler.start_next()
said["later"] = [studio.run_status(run.run_id).status, studio.run_status(run.run_id).error]
scheduler.launcher.close()
"""


def test_a_disk_that_is_full_before_a_run_starts_is_told_and_the_run_waits(told: dict[str, Any]) -> None:
    said = told["full before it starts"]
    assert "broke" not in said, said
    for words in (said["start"], said["import"]):
        assert tells(words, "full STUDIO_HOME")
    assert said["runs"] and said["folders"] and said["list"]
    assert said["status"][0] in ("queued", "failed") and tells(said["status"][1], "full")
    assert said["later"] == ["running", None]


READ_ONLY = """
workspace = Workspace(home)
import_task(workspace)
studio = Studio(workspace, InlineLauncher())
run = find_run(workspace, studio.start_run(recipe))
studio.scheduler.start_next()
waiting = find_run(workspace, studio.start_run(recipe))
before = studio.ask(run.run_id, "1 + 1", max_tokens=6)
subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
other = Studio(Workspace(home), InlineLauncher()).open()
answers = other.ask(run.run_id, "1 + 1", max_tokens=6)
said["same"] = [answers.base == before.base, answers.tuned == before.tuned]
said["runs"] = [(status.status, status.error) for status in other.list_runs()]
said["start"] = words_of(lambda: other.start_run(recipe))
said["stop"] = words_of(lambda: other.stop_run(waiting.run_id))
said["delete"] = words_of(lambda: other.delete_run(run.run_id))
said["tasks"] = bool(other.list_tasks())
said["estimate"] = words_of(lambda: other.estimate(recipe).sentence)
wait_until(lambda: other.run_status(waiting.run_id).error)
said["queued"] = other.run_status(waiting.run_id).error
other.close()
subprocess.run(["mount", "-o", "remount,rw", str(home)], check=True)
studio.scheduler.start_next()
said["later"] = studio.run_status(waiting.run_id).status
"""


@pytest.mark.slow
def test_a_read_only_workspace_answers_and_refuses_to_write_in_words(told: dict[str, Any]) -> None:
    said = told["read only"]
    assert "broke" not in said, said
    assert said["same"] == [True, True] and said["tasks"]
    assert [status for status, _ in said["runs"]] == ["queued", "finished"], said["runs"]
    for act in ("start", "stop", "delete", "queued"):
        assert tells(said[act], "read-only STUDIO_HOME"), act
    assert "read-only" not in said["estimate"]
    assert said["later"] == "finished"


FULL_WHILE_IT_LEAVES = """
workspace = Workspace(home)
import_task(workspace)
studio = Studio(workspace, InlineLauncher())
model = f"run:{studio.start_run(recipe)}"
studio.scheduler.start_next()
order = {"way": "linear", "result": "full", "parents": [{"model": model}]}
def do_both():
    works = [studio.merges.start(order), studio.exports.start(model, "merged", {"dtype": "fp32"})]
    while studio.scheduler.start_next():
        pass
    return [(status.status, status.error) for status in map(studio.run_status, works)]
leave(60_000)  # less than the weights
said["full"] = do_both()
said["left"] = [path.name for path in home.rglob("*") if path.name.startswith((".beside", ".export", ".merge"))]
said["merges"] = [card.name for card in studio.merges.list_merges()]
(home / "filler").unlink()
said["later"] = [status for status, _ in do_both()]
"""


@pytest.mark.slow
def test_a_disk_that_is_full_while_a_model_is_merged_or_exported_keeps_nothing_of_it(told: dict[str, Any]) -> None:
    said = told["full while it leaves"]
    assert "broke" not in said, said
    for status, error in said["full"]:
        assert status == "failed" and tells(error, "disk full"), error
    assert said["left"] == said["merges"] == [] and said["later"] == ["finished"] * 2


SCRIPTS = {
    "full while it leaves": ("6m", FULL_WHILE_IT_LEAVES),
    "full while it trains": ("6m", FULL_WHILE_IT_TRAINS),
    "full before it starts": ("2m", FULL_BEFORE_IT_STARTS),
    "read only": ("20m", READ_ONLY),
}
"""The size of the disk, and what is done on it."""
