"""Runs that leave as one file and come from one, and what is told of them: whose they are, which tasks come along."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from studio.archives.run_archive import PackedBase
from studio.checkpoints.address import resolve
from studio.checkpoints.made_on import note_base, read_note
from studio.errors import InputError, NotFoundError, StudioError
from studio.models.fingerprint import matches
from studio.models.reference import ModelRef
from studio.recipes.recipe import Recipe, read_recipe
from studio.reports.report import Report, gather
from studio.runs.event import Started, read_events
from studio.runs.run import Run
from studio.runs.status import ACTIVE
from studio.service.foreign import Foreign
from studio.tasks.read_as import Reading
from studio.tasks.task import Task
from studio.visitor import check_known, find_owner_file
from studio.workspace import check_id, disk_errors_in_words, write_whole

if TYPE_CHECKING:
    from studio.service.studio import Studio


class Imported(NamedTuple):
    """A run that came from a file: its id here, what a person should know of it, and the folder of its base.

    The folder is told where it isn't here; `give_base` takes another.
    """

    run_id: str
    warnings: tuple[str, ...] = ()
    missing_base: str = ""


class ArchiveDesk:
    """What a visitor does with runs as files."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio
        self._foreign = Foreign(studio.place, studio.visitor)

    def export(self, run_id: str, folder: Path | Callable[[], Path]) -> Path:
        """Write a training as one file into a folder, or into what makes one; return the file.

        Raises StudioError in words, before a folder is made.
        """
        run = self._studio.find_run(run_id)
        recipe, status = run.load_recipe(), self._studio.run_status(run_id).status
        if status in ACTIVE or status == "queued":
            raise InputError(
                f"{run.name} is {'waiting in the queue' if status == 'queued' else 'training'}. Stop it, or wait until "
                "it has ended, then export it.",
                field="run_id",
            )
        if not any(isinstance(event, Started) for event in read_events(run.events_file).events):
            raise InputError(f"{run.name} never began, so there is nothing to export. Start it first.", field="run_id")
        self._studio.shares.check_disk()
        folder = folder if isinstance(folder, Path) else folder()
        tasks = [task for part in recipe.parts if (task := self._find_task(part.task_id, part.task_version))]
        target = folder / f"{run.name}.run.zip"
        with disk_errors_in_words(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._foreign.pack_run(run, tasks, self._find_base(recipe), target)
        return target

    def import_run(self, path: Path, base: str = "") -> Imported:
        """Keep the run of a file that `export` wrote, here or elsewhere. Raises StudioError in words.

        It keeps its id where no run has it; its tasks are kept where they aren't here yet. A base that was a folder is
        known again by its content among those that runs here were made on; `base` says where it is otherwise.
        """
        studio = self._studio
        check_known(studio.visitor)
        most = studio.shares.check(studio.visitor, "run")
        beside = studio.workspace.cache / "imports" / secrets.token_hex(8)
        try:
            with disk_errors_in_words(beside):
                beside.mkdir(parents=True)
            found = self._foreign.unpack_run(path, beside, most)
            recipe = read_recipe((beside / "recipe.json").read_text(encoding="utf-8"))
            studio.check_model(recipe.base)
            recipe = self._keep_tasks(recipe, found.tasks, found.versions)
            if found.base or base:
                recipe = recipe.model_copy(update={"model": self._find_folder(recipe.base, found.base, base)})
            for step in beside.glob("checkpoints/step-*"):
                if found.base and not read_note(step):
                    note_base(step, found.base.fingerprint)
            _write_recipe(beside, recipe)
            if studio.visitor.owner:
                write_whole(find_owner_file(beside), studio.visitor.owner)
            run = self._place(beside, found.run_id)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return Imported(run.run_id, tuple(self._warn(run, recipe)), self._find_missing(recipe))

    def give_base(self, run_id: str, base: str) -> None:
        """Say where the base of a run lies here, which was a folder elsewhere. Raises InputError or ModelError."""
        run = self._studio.find_run(run_id)
        recipe = run.load_recipe()
        if not (said := self._find_missing(recipe)):
            raise InputError(f"The base of {run.name} is here: {recipe.model}. Nothing is to be given.", field="base")
        ref = self._studio.check_model(ModelRef(ref=base))
        folder = ref.find_folder() if ref.is_local and not ref.made and not ref.is_own else None
        marks = {read_note(step) for step in run.checkpoints_folder.glob("step-*")} - {""}
        if folder is None or not all(matches(folder, mark) for mark in marks):
            raise _refuse_base(base, Path(said).name)
        _write_recipe(run.folder, recipe.model_copy(update={"model": base}))

    def report(self, run_id: str) -> Report:
        """Return what is known of a training. Raises StudioError in words."""
        run = self._studio.find_run(run_id)
        recipe = run.load_recipe()
        task = self._find_task(recipe.task_id, recipe.task_version)
        return gather(run, self._studio.run_status(run_id), task)

    def _find_base(self, recipe: Recipe) -> ModelRef:
        """What a recipe's model was made on in the end; what it says itself where a run below is gone."""
        try:
            return resolve(self._studio.workspace, recipe.base, self._studio.visitor).base
        except StudioError:
            return recipe.base

    def _find_folder(self, said: ModelRef, packed: PackedBase | None, given: str) -> str:
        """Where the base of a run from elsewhere is here; what its recipe says where that isn't known."""
        if said.made or said.is_own or not said.is_local:
            if given:
                raise InputError(
                    f"This run was made on {said.ref}, so {given[:200]} isn't needed. Leave it out.",
                    field="base",
                )
            return said.ref
        if given:
            folder = self._studio.check_model(ModelRef(ref=given)).find_folder()
            if packed and (not folder or not matches(folder, packed.fingerprint)):
                raise _refuse_base(given, packed.name)
            return given
        for ref in self._list_folders(said) if packed and self._studio.local_folders else ():
            with contextlib.suppress(StudioError):  # it isn't there any more
                folder = ref.find_folder()
                if folder and packed and matches(folder, packed.fingerprint):
                    return ref.ref
        return said.ref

    def _list_folders(self, said: ModelRef) -> dict[ModelRef, None]:
        """The folder that a recipe says, and all that the visitor's runs were made on."""
        found = [said]
        for status in self._studio.list_runs():
            with contextlib.suppress(StudioError):
                found.append(self._studio.find_run(status.run_id).load_recipe().base)
        return dict.fromkeys(ref for ref in found if ref.is_local and not ref.made and not ref.is_own)

    def _find_task(self, task_id: str, version: str | None) -> Task | None:
        try:
            return self._studio.load_task(task_id, version)
        except NotFoundError:  # it was deleted: the run is exported without it, and says so where it is imported
            return None

    def _keep_tasks(self, recipe: Recipe, tasks: Sequence[Task], versions: Sequence[str]) -> Recipe:
        """The recipe with its tasks as they are called here; those that aren't here are kept."""
        known: dict[tuple[str, str | None], dict[str, str]] = {}
        for task, version in zip(tasks, versions, strict=True):
            if not (here := self._find_task(task.task_id, version)):
                self._studio.shares.check(self._studio.visitor, "task")
                here = self._studio.tasks.keep(Reading(task=task), self._studio.visitor, "came with a run").task
            known[task.task_id, version] = {"task_id": here.task_id, "task_version": here.version}
        mixture = [part.model_copy(update=known.get((part.task_id, part.task_version), {})) for part in recipe.mixture]
        own = known.get((recipe.task_id, recipe.task_version), {})
        return recipe.model_copy(update={**own, "mixture": tuple(mixture)})

    def _place(self, beside: Path, run_id: str) -> Run:
        """Let the folder appear among the runs, under its own id if that is free."""
        runs = self._studio.workspace.runs
        try:
            folder = runs / check_id(run_id, "run")
            folder.mkdir()
        except (NotFoundError, FileExistsError):
            folder = self._studio.workspace.new_run_folder()
            for log in (Run(beside).scores_file, Run(beside).votes_file):
                if log.exists():
                    text = log.read_text(encoding="utf-8", errors="replace")
                    log.write_text(text.replace(f"run:{run_id}@", f"run:{folder.name}@"), encoding="utf-8")
        with disk_errors_in_words(runs):
            os.replace(beside, folder)
        return Run(folder)

    def _warn(self, run: Run, recipe: Recipe) -> list[str]:
        said = [
            f"Its task {part.task_id} was not in the file, so it can't go on or be scored. Import the task."
            for part in recipe.parts
            if not self._find_task(part.task_id, part.task_version)
        ]
        try:
            base = resolve(self._studio.workspace, recipe.base, self._studio.visitor).base
        except StudioError as error:
            return [*said, f"It was made on top of {recipe.model}, which isn't here: {error} Import that run too."]
        if _is_missing(base):
            said.append(
                f"Its base model was a folder, {base.ref}, and no run here was made on the same model. To talk to it, "
                "say where that folder lies here (or: python -m studio import FILE --base FOLDER)."
            )
        return said

    def _find_missing(self, recipe: Recipe) -> str:
        """The folder that a run was made on, where it isn't here and may be given; else ""."""
        may = self._studio.local_folders and not recipe.base.made and _is_missing(recipe.base)
        return recipe.base.ref if may else ""


def _is_missing(base: ModelRef) -> bool:
    return not base.is_own and base.is_local and not Path(base.ref).expanduser().is_dir()


def _refuse_base(given: str, name: str) -> InputError:
    return InputError(
        f"{given[:200]} isn't the model that this run was made on, a folder called {name}: config, tokenizer or "
        "weights differ. Give the folder of that model.",
        field="base",
    )


def _write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write a recipe into a run's folder and each of its checkpoints."""
    text = json.dumps(recipe.to_json(), indent=2, ensure_ascii=False)
    for file in (folder / "recipe.json", *folder.glob("checkpoints/step-*/recipe.json")):
        write_whole(file, text)
