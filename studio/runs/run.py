"""Run: the folder in which work is, was or will be executed. The one class that knows its file names.

recipe.json     what to train, written once, before the start; work.json in its place for any other kind of work
events.jsonl    written by the child alone                request        the id of the click that made it
output.log      what the child printed                    process.json   which process was last started for it
owner           a hash of whose it is, if shared          stop           exists = please stop after this step and save
                                                          resume         exists = waits in the queue to go on
a training's    checkpoints/step-120/ ..., written beside and renamed; votes.jsonl, which of two answers was liked
                better; scores.jsonl, how good its answers are; reference.safetensors (training/reference.py)
a score's       answers.jsonl, what was answered so far
an export's     export/, the one file that was written
"""

import contextlib
import json
import os
import re
import shutil
import time
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from studio.errors import InputError, NotFoundError, RecipeError, WorkspaceError
from studio.journal import read_end
from studio.launchers.launch import Launch, read_launch
from studio.launchers.launcher import Ticket
from studio.recipes.recipe import Recipe, read_recipe
from studio.runs.damage import find_damage, find_state_damage, look_at_checkpoint, tell_passed
from studio.runs.hold import is_held
from studio.visitor import find_owner_file, read_owner
from studio.workspace import Workspace, check_id, disk_errors_in_words, write_whole

TRAINING = "training"
"""The kind of work that a folder with a recipe is."""
BUILT_ON = "built_on"
"""The file in a checkpoint from which another run starts."""


class Resumable(NamedTuple):
    """Where work can go on: a step and its checkpoint (0 for the start, None for none), and what was passed over."""

    step: int
    folder: Path | None
    note: str


class Run:
    """One run's folder; holds no state of its own, but for the paths that a list of runs asks for again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_there(self) -> bool:
        """Whether the folder is still a run: one that nobody can tell what to do is on no list."""
        return os.path.isfile(self.declaration_file)

    @property
    def declaration_file(self) -> Path:
        """What is to be done: recipe.json, or work.json where there is no recipe."""
        recipe = self.folder / "recipe.json"
        return work if not recipe.exists() and (work := self.folder / "work.json").exists() else recipe

    @property
    def kind(self) -> str:
        """The name of its kind of work; "" where that can't be read."""
        if self.declaration_file.name == "recipe.json":
            return TRAINING
        try:
            return str(self.load_declaration().get("name", ""))
        except WorkspaceError:
            return ""

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The part of the id that people say: brave-otter."""
        return self.name_of(self.run_id)

    @staticmethod
    def name_of(run_id: str) -> str:
        """Return the part of an id that people say."""
        return "-".join(run_id.split("-")[2:]) or run_id

    @property
    def owner(self) -> str:
        """Whose it is in a shared studio, "" for nobody's."""
        return read_owner(self.folder)

    @cached_property
    def events_file(self) -> Path:
        """The events, events.jsonl."""
        return self.folder / "events.jsonl"

    @property
    def output_file(self) -> Path:
        """What the child printed, output.log."""
        return self.folder / "output.log"

    @property
    def votes_file(self) -> Path:
        """Which answers were liked better, votes.jsonl."""
        return self.folder / "votes.jsonl"

    @property
    def scores_file(self) -> Path:
        """How good its answers are, scores.jsonl."""
        return self.folder / "scores.jsonl"

    @property
    def answers_file(self) -> Path:
        """What was answered so far, answers.jsonl."""
        return self.folder / "answers.jsonl"

    @property
    def exports_folder(self) -> Path:
        """The file that an export came to, in the folder export."""
        return self.folder / "export"

    @property
    def stop_file(self) -> Path:
        """The wish to stop: the file stop exists."""
        return self.folder / "stop"

    @cached_property
    def resume_file(self) -> Path:
        """The wish to go on: the file resume exists."""
        return self.folder / "resume"

    @cached_property
    def process_file(self) -> Path:
        """Which process was last started, process.json."""
        return self.folder / "process.json"

    @cached_property
    def checkpoints_folder(self) -> Path:
        """The folder checkpoints."""
        return self.folder / "checkpoints"

    def load_recipe(self) -> Recipe:
        """Return the recipe. Raises WorkspaceError where it was deleted or damaged, InputError where none ever was."""
        self._check_training()
        try:
            return read_recipe((self.folder / "recipe.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError, RecipeError) as error:
            raise WorkspaceError(
                f"The recipe of run {self.name} can't be read: {error} Delete the run, or put the file back."
            ) from None

    def _check_training(self) -> None:
        if self.declaration_file.name != "recipe.json":
            raise InputError(
                f"{self.name} is no training, so it has neither a recipe nor checkpoints. Choose a training.",
                field="run_id",
            )

    def load_declaration(self) -> dict[str, Any]:
        """Return what work.json says, as plain JSON. Raises WorkspaceError when the file was deleted or damaged."""
        try:
            found = json.loads((self.folder / "work.json").read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("it is no object.")
            return found
        except (OSError, ValueError, RecursionError) as error:
            raise WorkspaceError(
                f"What {self.name} is to do can't be read: {error} Delete it, or put the file back."
            ) from None

    def read_output(self, most_bytes: int = 6_000) -> str:
        """Return the end of what the child printed, whole lines, "" if it printed nothing."""
        return read_end(self.output_file, most_bytes)

    def list_checkpoints(self) -> list[int]:
        """Return the steps of the checkpoints whose weights are whole, rising."""
        return [step for step, damage in self.look_at_checkpoints().items() if not damage]

    def look_at_checkpoints(self) -> dict[int, str]:
        """Return step -> what is wrong with the weights, "" where they are whole; rising."""
        place = str(self.checkpoints_folder)  # a list of runs looks here again and again: plain texts are soonest
        while True:
            try:
                names = os.listdir(place)
            except OSError:
                return {}
            steps = sorted(int(name[5:]) for name in names if re.fullmatch(r"step-(0|[1-9][0-9]{0,8})", name))
            looks = {step: look_at_checkpoint(f"{place}/step-{step}") for step in steps}
            if all(looks[step] == "" or os.path.lexists(f"{place}/step-{step}") for step in steps):
                return {step: damage for step, damage in looks.items() if damage is not None}
            # A training keeps a new one, then forgets an old one: whoever read the names before looks again.

    def find_resumable(self) -> Resumable:
        """Return the newest checkpoint from which the training goes on as if it had never ended."""
        passed: list[str] = []
        for step in reversed(self.look_at_checkpoints()):
            folder = self.checkpoints_folder / f"step-{step}"
            damage = find_damage(folder) or find_state_damage(folder)
            if not damage:
                return Resumable(step, folder, tell_passed(passed, f"step {step}"))
            passed.append(f"step {step} ({damage})")
        return Resumable(0, None, tell_passed(passed, "the start"))

    def keep_checkpoint(self, folder: Path, step: int) -> None:
        """Let a whole checkpoint, written to `folder` on the same disk, appear as that of `step`."""
        with disk_errors_in_words(self.folder):
            if self.is_built_on(step):  # the same weights: a training that goes on repeats itself
                (folder / BUILT_ON).touch()
            self.forget_checkpoint(step)
            self.checkpoints_folder.mkdir(exist_ok=True)
            folder.rename(self.checkpoints_folder / f"step-{step}")

    def forget_checkpoint(self, step: int) -> None:
        """Delete a checkpoint, if there is one; it disappears at once, however long its files take."""
        gone = self.checkpoints_folder / f".gone-{step}"
        with disk_errors_in_words(self.folder):
            if (place := self.checkpoints_folder / f"step-{step}").exists():
                shutil.rmtree(gone, ignore_errors=True)
                place.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def clear_leavings(self) -> None:
        """Delete what a training that was killed left half written or half deleted among the checkpoints."""
        for folder in self.checkpoints_folder.glob(".*"):
            shutil.rmtree(folder, ignore_errors=True)

    def find_checkpoint(self, step: int | None = None) -> Path:
        """Return the folder of a step's checkpoint, the newest by default.

        Raises NotFoundError naming those there are.
        """
        found = self.look_at_checkpoints()
        steps = [each for each, damage in found.items() if not damage]
        if not steps:
            self._check_training()
            damaged = "".join(f" That of step {each} is damaged: {damage}." for each, damage in found.items())
            raise NotFoundError(
                f"The run {self.name} has no {'whole checkpoint.' if found else 'checkpoint yet.'}{damaged} "
                f"{'Resume it' if found else 'Wait for its first one'}, or start it again.",
                field="run_id",
            )
        wanted = steps[-1] if step is None else step
        if wanted not in steps:
            why = f"That of step {wanted} is damaged: {found[wanted]}." if wanted in found else ""
            raise NotFoundError(
                f"The run {self.name} has no {'whole ' * bool(why)}checkpoint of step {wanted}. {why}{' ' * bool(why)}"
                f"It has: {', '.join(map(str, steps))}.",
                field="step",
            )
        return self.checkpoints_folder / f"step-{steps[steps.index(wanted)]}"

    def is_built_on(self, step: int) -> bool:
        """Whether another run starts from the checkpoint of a step."""
        return (self.checkpoints_folder / f"step-{step}" / BUILT_ON).exists()

    def request_stop(self) -> None:
        """Ask the child to stop after the step it is in and to save."""
        with disk_errors_in_words(self.folder):
            self.stop_file.touch()

    def save_launch(self, launcher: str, ticket: Ticket) -> None:
        """Note who is given this run; it no longer waits in the queue, and an old wish to stop is forgotten."""
        with disk_errors_in_words(self.folder):
            size = self.events_file.stat().st_size if self.events_file.exists() else 0
            self.stop_file.unlink(missing_ok=True)
            write_whole(self.process_file, json.dumps(Launch(launcher, ticket, size).to_json()))
            self.resume_file.unlink(missing_ok=True)

    def find_launch(self) -> Launch | None:
        """Return who was last given this run, None if nobody was or the note of it is damaged."""
        try:
            return read_launch(json.loads(self.process_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    def is_alive(self) -> bool:
        """Whether a process works on it: the one that was last started for it lives, or another holds its events."""
        launch = self.find_launch()
        return (launch is not None and launch.is_alive()) or is_held(self.events_file)

    def request_resume(self) -> None:
        """Put the run back into the queue."""
        with disk_errors_in_words(self.folder):
            _stamp(self.resume_file)

    def was_launched(self) -> bool:
        """Whether a process was ever started for this run."""
        return self.process_file.exists()

    def waits(self) -> bool:
        """Whether it is in the queue, as far as its files tell."""
        return self.resume_file.exists() or not (self.process_file.exists() or self.events_file.exists())

    @property
    def queued_at(self) -> float:
        """When it was put into the queue, in seconds since 1970."""
        return (_changed_at(self.resume_file) or _changed_at(self.declaration_file)) / 1e9

    def delete(self) -> None:
        """Delete the folder; it disappears at once, whatever is left of it is not a run."""
        with disk_errors_in_words(self.folder):
            gone = self.folder.with_name(f".deleted-{self.folder.name}")
            self.folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def new_run(workspace: Workspace, recipe: Recipe, request: str = "", owner: str = "") -> Run:
    """Make the folder of a training that has not started.

    The same non-empty `request` of the same owner gives back the run it made before.
    """
    return _new_folder(workspace, "recipe.json", recipe.to_json(), request, owner)


def new_work_run(workspace: Workspace, declaration: dict[str, Any], request: str = "", owner: str = "") -> Run:
    """Make the folder of any other work that has not started; `declaration` has the `name` of its kind."""
    return _new_folder(workspace, "work.json", declaration, request, owner)


def _new_folder(workspace: Workspace, file: str, declaration: dict[str, Any], request: str, owner: str) -> Run:
    if request:
        for run in list_runs(workspace):
            if _read_request(run) == request and run.owner == owner:
                return run
    folder = workspace.new_run_folder()
    try:
        if request:
            write_whole(folder / "request", request)
        if owner:
            write_whole(find_owner_file(folder), owner)
        write_whole(folder / file, json.dumps(declaration, indent=2, ensure_ascii=False))
        with disk_errors_in_words(folder):
            _stamp(folder / file)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Run(folder)


def find_run(workspace: Workspace, run_id: object) -> Run:
    """Return the run of an id. Raises NotFoundError in words."""
    return Run(workspace.find_run_folder(run_id))


def list_runs(workspace: Workspace) -> list[Run]:
    """Return all runs that were told what to do, the newest first."""
    with disk_errors_in_words(workspace.runs):
        names = [name for name in os.listdir(workspace.runs) if _is_run_id(name)]
    told = [(name[:15], at, name) for name in names if (at := _told_at(f"{workspace.runs}/{name}")) is not None]
    return [Run(workspace.runs / name) for *_, name in sorted(told, reverse=True)]


def _told_at(folder: str) -> int | None:
    """When a run was told what to do, in ns since 1970; None where it wasn't."""
    for name in ("recipe.json", "work.json"):
        with contextlib.suppress(OSError):
            return os.stat(f"{folder}/{name}").st_mtime_ns
    return None


def _stamp(file: Path) -> None:
    """Touch a file with the exact time; the kernel's own stamps are some milliseconds apart, and runs may not be.

    Never before one that waits already: a clock that was set back lets nobody jump the queue.
    """
    waiting = (Run(folder) for folder in file.parent.parent.iterdir() if folder != file.parent)
    last = max((round(run.queued_at * 1e9) for run in waiting if run.waits()), default=0)
    now = max(time.time_ns(), last + 1000)
    file.touch()
    os.utime(file, ns=(now, now))


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _is_run_id(name: str) -> bool:
    try:
        return bool(check_id(name, "run"))
    except NotFoundError:
        return False


def _read_request(run: Run) -> str:
    try:
        return (run.folder / "request").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
