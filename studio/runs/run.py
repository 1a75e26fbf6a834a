"""Run: the folder in which a recipe is, was or will be executed. The one class that knows its file names.

recipe.json     written once, before the start            request        the id of the click that made it
events.jsonl    written by the child alone                process.json   which process was last started for it
output.log      what the child printed                    stop           exists = please stop after this step and save
checkpoints/    step-120/ ..., written beside and renamed      resume   exists = waits in line to go on
"""

import json
import re
import shutil
from pathlib import Path

import psutil

from studio.errors import NotFoundError, WorkspaceError
from studio.runs.recipe import Recipe, read_recipe
from studio.workspace import Workspace, check_id, disk_errors_in_words, write_whole


class Run:
    """One run's folder; holds no state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The part of the id that people say: brave-otter."""
        return "-".join(self.run_id.split("-")[2:]) or self.run_id

    @property
    def events_file(self) -> Path:
        """The events, events.jsonl."""
        return self.folder / "events.jsonl"

    @property
    def output_file(self) -> Path:
        """What the child printed, output.log."""
        return self.folder / "output.log"

    @property
    def stop_file(self) -> Path:
        """The wish to stop: the file stop exists."""
        return self.folder / "stop"

    @property
    def resume_file(self) -> Path:
        """The wish to go on: the file resume exists."""
        return self.folder / "resume"

    @property
    def process_file(self) -> Path:
        """Which process was last started, process.json."""
        return self.folder / "process.json"

    @property
    def checkpoints_folder(self) -> Path:
        """The folder checkpoints."""
        return self.folder / "checkpoints"

    def load_recipe(self) -> Recipe:
        """Return the recipe. Raises WorkspaceError when the file was deleted or damaged."""
        try:
            return read_recipe((self.folder / "recipe.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise WorkspaceError(
                f"The recipe of run {self.run_id} can't be read ({error}). Delete the run, or put the file back."
            ) from None

    def list_checkpoints(self) -> list[int]:
        """Return the steps of the whole checkpoints, rising."""
        try:
            names = [entry.name for entry in self.checkpoints_folder.iterdir()]
        except OSError:
            return []
        return sorted(int(name[5:]) for name in names if re.fullmatch(r"step-\d{1,9}", name))

    def find_checkpoint(self, step: int | None = None) -> Path:
        """Return the folder of a step's checkpoint, the newest by default.

        Raises NotFoundError naming those there are.
        """
        steps = self.list_checkpoints()
        if not steps:
            raise NotFoundError(
                f"The run {self.name} has no checkpoint yet. Wait for its first one, or start it again.", field="run_id"
            )
        wanted = steps[-1] if step is None else step
        if wanted not in steps:
            raise NotFoundError(
                f"The run {self.name} has no checkpoint of step {wanted}. It has: {', '.join(map(str, steps))}.",
                field="step",
            )
        return self.checkpoints_folder / f"step-{wanted}"

    def request_stop(self) -> None:
        """Ask the child to stop after the step it is in and to save."""
        with disk_errors_in_words(self.folder):
            self.stop_file.touch()

    def save_process(self, pid: int) -> None:
        """Note which process was started for this run; it no longer waits in line."""
        write_whole(self.process_file, json.dumps({"pid": pid, "created": psutil.Process(pid).create_time()}))
        self.resume_file.unlink(missing_ok=True)

    def is_alive(self) -> bool:
        """Whether the process that was last started for this run still lives.

        Another one with its number does not count.
        """
        try:
            noted = json.loads(self.process_file.read_text())
            process = psutil.Process(noted["pid"])
            return abs(process.create_time() - noted["created"]) < 2 and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return False

    def request_resume(self) -> None:
        """Put the run back into the line."""
        with disk_errors_in_words(self.folder):
            self.resume_file.touch()

    def was_launched(self) -> bool:
        """Whether a process was ever started for this run."""
        return self.process_file.exists()

    def delete(self) -> None:
        """Delete the folder; it disappears at once, whatever is left of it is not a run."""
        with disk_errors_in_words(self.folder):
            gone = self.folder.with_name(f".deleted-{self.folder.name}")
            self.folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def new_run(workspace: Workspace, recipe: Recipe, request: str = "") -> Run:
    """Make the folder of a run that has not started. The same non-empty `request` gives back the run it made before."""
    if request:
        for run in list_runs(workspace):
            if _read_request(run) == request:
                return run
    folder = workspace.new_run_folder()
    if request:
        write_whole(folder / "request", request)
    write_whole(folder / "recipe.json", json.dumps(recipe.to_json(), indent=2, ensure_ascii=False))
    return Run(folder)


def find_run(workspace: Workspace, run_id: object) -> Run:
    """Return the run of an id. Raises NotFoundError in words."""
    return Run(workspace.find_run_folder(run_id))


def list_runs(workspace: Workspace) -> list[Run]:
    """Return all runs whose recipe was written, the newest first."""
    with disk_errors_in_words(workspace.runs):
        folders = [entry for entry in workspace.runs.iterdir() if (entry / "recipe.json").is_file()]
    return [
        Run(folder)
        for folder in sorted(folders, key=lambda folder: folder.name, reverse=True)
        if _is_run_id(folder.name)
    ]


def _is_run_id(name: str) -> bool:
    try:
        return bool(check_id(name, "run"))
    except NotFoundError:
        return False


def _read_request(run: Run) -> str:
    try:
        return (run.folder / "request").read_text(encoding="utf-8")
    except OSError:
        return ""
