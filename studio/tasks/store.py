"""Where tasks are kept: the samples that come with the studio, and what people brought.

Knows the folders and the rule of versions: `tasks/<task_id>/0001-<hash>.json` in the v2 form, one file a content, the
highest number is current, and none is ever changed. In a shared studio a task belongs to its visitor (`tasks/<task_id>/
owner`), and the others are told that it isn't there. Samples are read-only and their ids can't be taken. Knows nothing
of what a task says; scores of the samples come from `assets/tasks/scores.json`, which a measuring command writes.
"""

import contextlib
import difflib
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from studio.errors import NotFoundError, StudioError, TaskError
from studio.tasks.reading import Reading, read_task_file
from studio.tasks.task import Task, write_v2
from studio.visitor import THE_ONE, Visitor, find_owner_file, read_owner
from studio.workspace import Workspace, check_id, disk_errors_in_words, write_whole

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "tasks"
"""The folder of the sample tasks: one file a task, its test of unseen words in `unseen/` under the same name."""

_HELD = 4
"""How many tasks that were read stay in memory."""

Stamp = tuple[int, int]
"""A file's time of change (ns) and size: equal stamps mean that it needs no second reading."""


class TaskCard(BaseModel):
    """What a list of tasks shows of one."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    title: str
    instances: int
    source: Literal["sample", "yours"]
    version: str
    scores: dict[str, Any] | None = None


class TaskStore:
    """The tasks of one workspace and the samples. Safe to use from several threads."""

    def __init__(self, workspace: Workspace, samples: Path = SAMPLES) -> None:
        self.workspace = workspace
        self.samples = samples
        self._guard = threading.RLock()
        self._tasks: OrderedDict[Path, tuple[Stamp, Task]] = OrderedDict()
        self._facts = _FactsCache(workspace.cache / "task-cards.json")

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
            files = _list_versions(folder)
            if files and (facts := self._find_facts(files[-1], folder.name)):
                cards.append(TaskCard(source="yours", **facts))
        return cards

    def load_task(self, task_id: str, version: str | None = None, visitor: Visitor = THE_ONE) -> Task:
        """Return a task, the current version unless another is asked for. Raises NotFoundError in words."""
        check_id(task_id, "task")
        sample = self.samples / f"{task_id}.json"
        if sample.is_file() and sample != self._scores_path:
            task = self._load(sample, task_id)
            if version not in (None, task.version):
                raise NotFoundError(
                    f"The sample task {task_id!r} is at version {task.version}; version {str(version)[:20]!r} came "
                    "with another edition of the studio. Use the task as it is now.",
                    field="task_version",
                )
            return task
        folder = self.workspace.tasks / task_id
        files = _list_versions(folder) if visitor.owns(read_owner(folder)) else []
        if not files:
            raise self._unknown(task_id, visitor)
        return self._load(self._choose_version(files, task_id, version), task_id)

    def load_unseen(self, task_id: str) -> Task | None:
        """Return the instances of a sample whose words the sample itself never uses; None for any other task."""
        check_id(task_id, "task")
        path = self.samples / "unseen" / f"{task_id}.json"
        return self._load(path, task_id) if path.is_file() else None

    def import_file(self, path: Path, name: str, visitor: Visitor = THE_ONE) -> Reading:
        """Read a task file, called `name` by the person, and keep it. Raises TaskError or WorkspaceError in words."""
        reading = read_task_file(path, name)
        task, warnings = reading.task, list(reading.warnings)
        if (self.samples / f"{task.task_id}.json").exists() or task.task_id == self._scores_path.stem:
            warnings.append(f"{task.task_id!r} is a sample task; yours was kept as '{task.task_id}_yours'.")
            task = task.model_copy(update={"task_id": f"{task.task_id}_yours"})
        if visitor.owner:
            task = task.model_copy(update={"task_id": f"{task.task_id}_{visitor.owner[:8]}"})
        folder = self.workspace.tasks / check_id(task.task_id, "task")
        with self._guard, disk_errors_in_words(folder), FileLock(self.workspace.cache / "tasks.lock"):
            self._take_folder(folder, visitor)
            files = _list_versions(folder)
            number = int(files[-1].name.split("-")[0]) + 1 if files else 1
            if not files or _version_of(files[-1]) != task.version:
                path = folder / f"{number:04d}-{task.version}.json"
                write_whole(path, write_v2(task))
                self._remember(path, _stamp(path), task)
                if files:
                    warnings.append(f"A task of this name was here already; this is its version {number}.")
        return Reading(task=task, warnings=tuple(warnings))

    def _list_folders(self, visitor: Visitor) -> list[Path]:
        folders = (path for path in self.workspace.tasks.iterdir() if path.is_dir())
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
            if facts is None:
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
                task = read_task_file(path, path.name).task.model_copy(update={"task_id": task_id})
                held = self._hold(path, stamp, task)
            self._tasks.move_to_end(path)
            return held[1]

    def _hold(self, path: Path, stamp: Stamp, task: Task) -> tuple[Stamp, Task]:
        """Keep a task in memory, and let the one go that was used least recently."""
        self._tasks[path] = (stamp, task)
        while len(self._tasks) > _HELD:
            self._tasks.popitem(last=False)
        return stamp, task

    def _remember(self, path: Path, stamp: Stamp, task: Task) -> None:
        """Keep what an import has just read, so that the list needn't read it again."""
        self._hold(path, stamp, task)
        self._facts.put(path, stamp, _facts_of(task))

    def _choose_version(self, files: list[Path], task_id: str, version: str | None) -> Path:
        if version is None:
            return files[-1]
        for file in reversed(files):
            if _version_of(file) == version:
                return file
        known = ", ".join(dict.fromkeys(_version_of(file) for file in files))
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


class _FactsCache:
    """What is known of files by their stamps, kept in the cache so that a restart needn't read them again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Any] | None = None

    def get(self, file: Path, stamp: Stamp) -> dict[str, Any] | None:
        entry = self._load().get(str(file))
        try:
            return dict(entry["facts"]) if entry and tuple(entry["stamp"]) == stamp else None
        except (KeyError, TypeError, ValueError):
            return None

    def put(self, file: Path, stamp: Stamp, facts: dict[str, Any]) -> None:
        entries = self._load()
        entries[str(file)] = {"stamp": stamp, "facts": facts}
        with contextlib.suppress(StudioError):  # a cache that can't be written costs time and nothing else
            write_whole(self.path, json.dumps(entries))

    def _load(self) -> dict[str, Any]:
        if self.entries is None:
            try:
                found = json.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                found = {}
            self.entries = found if isinstance(found, dict) else {}
        return self.entries


def _facts_of(task: Task) -> dict[str, Any]:
    return {"title": task.heading, "instances": len(task.instances), "version": task.version}


def _stamp(path: Path) -> Stamp:
    with disk_errors_in_words(path):
        status = path.stat()
    return status.st_mtime_ns, status.st_size


def _list_versions(folder: Path) -> list[Path]:
    """The files of a task, the oldest first."""
    return sorted(path for path in folder.glob("[0-9]*-*.json") if path.name.split("-")[0].isdecimal())


def _version_of(path: Path) -> str:
    return path.stem.split("-", 1)[1]
