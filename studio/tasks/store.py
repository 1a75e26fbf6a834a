"""Where tasks are kept: the samples that come with the studio, and what people imported.

Knows the folders and the rule of versions: `tasks/<task_id>/0001-<hash>.json` in the v2 form, then a file for each edit
(`version.py`); the highest number is current, and none is ever changed. In a shared studio a task belongs to its
visitor (`tasks/<task_id>/owner`), and the others are told that it isn't there. Samples are read-only and their ids
can't be taken: a folder under such an id keeps the editions of the sample that runs were made with. Knows nothing of
what a task says; scores of the samples come from `assets/tasks/scores.json`, which a measuring command writes.
"""

import difflib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from studio.errors import NotFoundError, StudioError, TaskError, WorkspaceError
from studio.tasks.card_cache import FactsCache, Stamp
from studio.tasks.comparison import compare
from studio.tasks.edit import Edit, EditConflict, apply_edits
from studio.tasks.mixture import Part
from studio.tasks.read_as import Reading
from studio.tasks.task import Task, write_v2
from studio.tasks.unseen import keep_unseen, name_origin
from studio.tasks.v2 import read_v2
from studio.tasks.version import (
    LONGEST_CHAIN,
    Edits,
    VersionCard,
    append_history,
    is_version,
    list_files,
    name_file,
    number_of,
    read_card,
    read_edits,
    read_history,
    version_of,
)
from studio.visitor import THE_ONE, Visitor, find_owner_file, read_owner
from studio.workspace import Workspace, check_id, disk_errors_in_words, write_whole

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "tasks"
"""The folder of the sample tasks: one file a task, its test of unseen words in `unseen/` under the same name."""

_HELD = 4
"""How many tasks that were read stay in memory."""
_HELD_BYTES = 50_000_000
"""Of their files, together; the newest stays, however large."""


class TaskCard(BaseModel):
    """What a list of tasks shows of one."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    title: str
    instances: int
    source: Literal["sample", "yours"]
    version: str
    kind: str = "instruction"
    scores: dict[str, Any] | None = None


class TaskStore:
    """The tasks of one workspace and the samples. Safe to use from several threads."""

    def __init__(self, workspace: Workspace, samples: Path = SAMPLES) -> None:
        self.workspace = workspace
        self.samples = samples
        self._guard = threading.RLock()
        self._tasks: OrderedDict[Path, tuple[Stamp, Task]] = OrderedDict()
        self._facts = FactsCache(workspace.cache / "task-cards.json")

    def list_tasks(self, visitor: Visitor = THE_ONE) -> list[TaskCard]:
        """Return a card for every task that the visitor may see, samples first.

        A file that can't be read any more is left out.
        """
        scores = self._read_scores()
        cards = [
            TaskCard(source="sample", scores=scores.get(path.stem), **facts)
            for path in sorted(self.samples.glob("*.json"))
            if path != self._scores_path and (facts := self._find_facts(path, path.stem))
        ]
        for folder in self._list_folders(visitor):
            files = list_files(folder)
            if files and (facts := self._find_facts(files[-1], folder.name)):
                cards.append(TaskCard(source="yours", **facts))
        return cards

    def load_task(self, task_id: str, version: str | None = None, visitor: Visitor = THE_ONE) -> Task:
        """Return a task, the current version unless another is asked for. Raises NotFoundError in words."""
        check_id(task_id, "task")
        sample = self._find_sample(task_id)
        if sample:
            return self._load_edition(sample, task_id, version)
        folder = self.workspace.tasks / task_id
        files = list_files(folder) if visitor.owns(read_owner(folder)) else []
        if not files:
            raise self._unknown(task_id, visitor)
        return self._load(self._choose_version(files, task_id, version), task_id)

    def load_parts(self, parts: Iterable[Part], visitor: Visitor = THE_ONE) -> list[Task]:
        """Return the tasks of a mixture, each in the version that is asked for. Raises NotFoundError in words."""
        return [self.load_task(part.task_id, part.task_version, visitor) for part in parts]

    def pin(self, task: Task) -> None:
        """Keep the sample that a run names, for the day when the studio comes with another edition of it."""
        if self._find_sample(task.task_id):
            folder = self.workspace.tasks / task.task_id
            with self._guard, disk_errors_in_words(folder), FileLock(self.workspace.cache / "tasks.lock"):
                folder.mkdir(exist_ok=True)
                files = list_files(folder)
                if task.version not in map(version_of, files):
                    self._write(folder, files, task, words="a sample as the studio had it")

    def load_unseen(self, task_id: str, version: str | None = None, visitor: Visitor = THE_ONE) -> Task | None:
        """Return instances whose words a sample, or a copy of it, never uses; None for tasks without such a test."""
        origin = name_origin(task_id)
        path, sample = self.samples / "unseen" / f"{origin}.json", self._find_sample(origin)
        if sample is None or not path.is_file():
            return None
        task = self.load_task(task_id, version, visitor)
        return keep_unseen(self._load(path, origin), self._load(sample, origin), task)

    def keep(self, reading: Reading, visitor: Visitor = THE_ONE, words: str = "imported from a file") -> Reading:
        """Keep a task that was read, as a new version where its name is taken. Raises WorkspaceError in words."""
        task, warnings = reading.task, list(reading.warnings)
        if (self.samples / f"{task.task_id}.json").exists() or task.task_id == self._scores_path.stem:
            warnings.append(f"{task.task_id!r} is a sample task; yours was kept as '{task.task_id}_yours'.")
            task = task.model_copy(update={"task_id": f"{task.task_id}_yours"})
        if visitor.owner:
            task = task.model_copy(update={"task_id": f"{task.task_id}_{visitor.owner[:8]}"})
        with self._open_folder(task.task_id, visitor) as folder:
            files = list_files(folder)
            if not files or version_of(files[-1]) != task.version:
                number = self._write(folder, files, task, words=words)
                if files:
                    warnings.append(f"A task of this name was here already; this is its version {number}.")
        return reading.model_copy(update={"task": task, "warnings": tuple(warnings)})

    def edit_task(self, task_id: str, edits: Sequence[Edit], by: str = "", visitor: Visitor = THE_ONE) -> Task:
        """Make a new version of a task by some edits of the current one, and return it.

        Edits by several people are done one after the other, each on what the one before left, so nothing is lost; one
        of something that was changed meanwhile raises EditConflict. A sample is copied first: the task that comes back
        has another id. Raises InputError, NotFoundError or WorkspaceError in words.
        """
        self.load_task(task_id, visitor=visitor)  # says now what is not there, or another's
        if self.is_sample(task_id):
            task_id = self.copy_sample(task_id, visitor)
        with self._open_folder(task_id, visitor) as folder:
            current = self.load_task(task_id, visitor=visitor)
            task = apply_edits(current, edits)
            self._write(folder, list_files(folder), task, tuple(edits), by, compare(current, task).words)
        return task

    def change_task(self, task: Task, base: str, by: str = "", words: str = "", visitor: Visitor = THE_ONE) -> Task:
        """Keep a task that was made of version `base`, such as by a fix, as its next version.

        Raises EditConflict if another version became current meanwhile.
        """
        if self._find_sample(task.task_id):
            task = task.model_copy(update={"task_id": self.copy_sample(task.task_id, visitor)})
        with self._open_folder(task.task_id, visitor) as folder:
            current = self.load_task(task.task_id, visitor=visitor)
            if current.version != base:
                raise EditConflict(
                    "Somebody changed this task meanwhile: it is now another version than the one that was checked. "
                    "Load it again, and decide again.",
                    current.version,
                )
            self._write(folder, list_files(folder), task, None, by, words or compare(current, task).words)
        return task

    def copy_sample(self, task_id: str, visitor: Visitor = THE_ONE) -> str:
        """Return the id of a visitor's own copy of a sample, made if there is none."""
        own = f"{task_id}_yours" + (f"_{visitor.owner[:8]}" if visitor.owner else "")
        with self._open_folder(own, visitor) as folder:
            if not list_files(folder):
                self._write(
                    folder,
                    [],
                    self.load_task(task_id).model_copy(update={"task_id": own}),
                    words="a copy of the sample",
                )
        return own

    def is_sample(self, task_id: str) -> bool:
        """Whether a task comes with the studio, so that it is never changed itself."""
        return self._find_sample(task_id) is not None

    def list_versions(self, task_id: str, visitor: Visitor = THE_ONE) -> list[VersionCard]:
        """Return the versions of a task, the newest first. Raises NotFoundError in words."""
        sample = self._find_sample(task_id)
        if sample:
            task = self._load(sample, task_id)
            at = datetime.fromtimestamp(sample.stat().st_mtime)
            return [VersionCard(number=1, version=task.version, at=at, words="comes with the studio")]
        folder = self.workspace.tasks / task_id
        files = list_files(folder) if visitor.owns(read_owner(folder)) else []
        if not files:
            raise self._unknown(task_id, visitor)
        history = read_history(files[0].parent)
        return [read_card(path, history) for path in reversed(files)]

    def restore(self, task_id: str, version: str, by: str = "", visitor: Visitor = THE_ONE) -> Task:
        """Make an earlier version the current one again, as a new version; nothing is deleted."""
        old = self.load_task(task_id, version, visitor)
        if self.is_sample(task_id):
            return old
        with self._open_folder(task_id, visitor) as folder:
            files = list_files(folder)
            if version_of(files[-1]) != old.version:
                number = next(number_of(file) for file in files if version_of(file) == old.version)
                self._write(folder, files, old, None, by, f"version {number} again")
        return old

    def task_folder(self, task_id: str) -> Path:
        """Return the folder of a person's own task; inputs that wait for an answer are kept there too (`pool`)."""
        return self.workspace.tasks / check_id(task_id, "task")

    def label_folder(self, task_id: str) -> Path:
        """Return the folder of the labels that people gave to a task (`labelling`)."""
        return self.task_folder(task_id) / "labels"

    @contextmanager
    def _open_folder(self, task_id: str, visitor: Visitor = THE_ONE) -> Iterator[Path]:
        """The folder of a visitor's task, while nobody else writes into it."""
        folder = self.workspace.tasks / check_id(task_id, "task")
        with self._guard, disk_errors_in_words(folder), FileLock(self.workspace.cache / "tasks.lock"):
            self._take_folder(folder, visitor)
            yield folder

    def _write(
        self,
        folder: Path,
        files: list[Path],
        task: Task,
        edits: tuple[Edit, ...] | None = None,
        by: str = "",
        words: str = "",
    ) -> int:
        """Write the next version: as edits of the last where that is possible and quick to read, else whole."""
        number = number_of(files[-1]) + 1 if files else 1
        last = files[-1] if files else None
        chain = read_edits(last).chain + 1 if last is not None and last.suffix == ".edits" else 1
        whole = edits is None or last is None or chain > LONGEST_CHAIN
        path = folder / name_file(number, task.version, whole)
        if whole or last is None or edits is None:
            write_whole(path, write_v2(task))
        else:
            write_whole(path, Edits(base=number_of(last), chain=chain, edits=edits).model_dump_json())
        append_history(folder, number, by, words)
        self._remember(path, _stamp(path), task)
        return number

    def _find_sample(self, task_id: str) -> Path | None:
        path = self.samples / f"{check_id(task_id, 'task')}.json"
        return path if path.is_file() and path != self._scores_path else None

    def _load_edition(self, sample: Path, task_id: str, version: str | None) -> Task:
        task = self._load(sample, task_id)
        if version in (None, task.version):
            return task
        for pinned in list_files(self.workspace.tasks / task_id):
            if version_of(pinned) == version:
                return self._load(pinned, task_id)
        raise NotFoundError(
            f"The sample task {task_id!r} is at version {task.version}; version {str(version)[:20]!r} came "
            "with another edition of the studio, and this workspace has no copy of it. Use the task as it is now.",
            field="task_version",
        )

    def _list_folders(self, visitor: Visitor) -> list[Path]:
        folders = (
            path for path in self.workspace.tasks.iterdir() if path.is_dir() and not self._find_sample(path.name)
        )
        return sorted(path for path in folders if visitor.owns(read_owner(path)))

    def _take_folder(self, folder: Path, visitor: Visitor) -> None:
        if folder.exists() and not visitor.owns(read_owner(folder)):
            raise TaskError("A task of this name is somebody else's. Give your file another name.", field="file")
        if visitor.owner and not folder.exists():
            folder.mkdir(parents=True)
            write_whole(find_owner_file(folder), visitor.owner)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def _scores_path(self) -> Path:
        return self.samples / "scores.json"

    def _read_scores(self) -> dict[str, Any]:
        try:
            scores = json.loads(self._scores_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return (
            {key: value for key, value in scores.items() if isinstance(value, dict)} if isinstance(scores, dict) else {}
        )

    def _find_facts(self, path: Path, task_id: str) -> dict[str, Any]:
        """What a card says of a file, read at most once for each change of it; {} if it can't be read."""
        with self._guard:
            try:
                stamp = _stamp(path)
            except StudioError:  # deleted since it was listed
                return {}
            facts = self._facts.get(path, stamp)
            if facts is None or facts and "kind" not in facts:  # noted by an earlier edition
                try:
                    facts = _facts_of(self._load(path, task_id))
                except StudioError:
                    facts = {}
                self._facts.put(path, stamp, facts)
            return facts and {"task_id": task_id, **facts}

    def _load(self, path: Path, task_id: str) -> Task:
        with self._guard:
            stamp = _stamp(path)
            held = self._tasks.get(path)
            if held is None or held[0] != stamp:
                task = self._read(path).model_copy(update={"task_id": task_id})
                held = self._hold(path, stamp, task.keep_version(version_of(path)) if is_version(path) else task)
            self._tasks.move_to_end(path)
            return held[1]

    def _read(self, path: Path) -> Task:
        if path.suffix != ".edits":
            with disk_errors_in_words(path):
                return read_v2(path.read_bytes(), path.name, path.stem)
        delta = read_edits(path)
        base = next((file for file in list_files(path.parent) if number_of(file) == delta.base), None)
        if base is None:
            raise WorkspaceError(f"The version {path.name} builds on version {delta.base}, which is gone.")
        held = self._tasks.get(base)
        return apply_edits(held[1] if held and held[0] == _stamp(base) else self._read(base), delta.edits)

    def _hold(self, path: Path, stamp: Stamp, task: Task) -> tuple[Stamp, Task]:
        """Keep a task in memory, and let the one go that was used least recently."""
        self._tasks[path] = (stamp, task)
        while len(self._tasks) > 1 and (len(self._tasks) > _HELD or self._count_held() > _HELD_BYTES):
            self._tasks.popitem(last=False)
        return stamp, task

    def _count_held(self) -> int:
        return sum(size for (_, size), _ in self._tasks.values())

    def _remember(self, path: Path, stamp: Stamp, task: Task) -> None:
        """Keep what an import has just read, so that the list needn't read it again."""
        self._hold(path, stamp, task)
        self._facts.put(path, stamp, _facts_of(task))

    def _choose_version(self, files: list[Path], task_id: str, version: str | None) -> Path:
        if version is None:
            return files[-1]
        for file in reversed(files):
            if version_of(file) == version:
                return file
        known = ", ".join(dict.fromkeys(version_of(file) for file in files))
        raise NotFoundError(
            f"The task {task_id!r} has no version {str(version)[:20]!r}. Its versions, the oldest first: {known}.",
            field="task_version",
        )

    def _unknown(self, task_id: str, visitor: Visitor) -> NotFoundError:
        known = [path.stem for path in sorted(self.samples.glob("*.json")) if path != self._scores_path]
        known += [path.name for path in self._list_folders(visitor)]
        near = difflib.get_close_matches(task_id, known, n=3, cutoff=0.5)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else "Choose one from the list of tasks, or import its file."
        )
        return NotFoundError(f"There is no task {task_id!r} here. {hint}", field="task_id")


def _facts_of(task: Task) -> dict[str, Any]:
    return {"title": task.heading, "instances": len(task.instances), "version": task.version, "kind": task.kind}


def _stamp(path: Path) -> Stamp:
    with disk_errors_in_words(path):
        status = path.stat()
    return status.st_mtime_ns, status.st_size
