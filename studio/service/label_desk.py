"""The desk at which tasks are labelled and written: what to label next, by whom, what it comes to, and every edit.

Knows the store and who asks; knows no page and no model. A sample is never changed: the first thing written makes the
visitor's own copy, and each answer names the task that was written to. What two people (or two windows of one) do at
once is done one after the other; what would overwrite what somebody hasn't seen is refused as EditConflict.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from filelock import FileLock

from studio.apart.place import HERE, Place
from studio.errors import InputError
from studio.service.foreign import Foreign
from studio.tasks.comparison import Difference, compare
from studio.tasks.edit import AddInstance, Edit, EditConflict, apply_edit
from studio.tasks.kinds import KINDS
from studio.tasks.labels.agreement import describe_agreement
from studio.tasks.labels.labelling import (
    Agreement,
    Item,
    Label,
    Progress,
    add_label,
    assign,
    make_edits,
    measure_agreement,
    measure_progress,
    read_labels,
)
from studio.tasks.labels.pool import Waiting, add_inputs, drop_inputs, make_additions, read_waiting
from studio.tasks.labels.team import Team, join_team, read_name, read_settled, read_team, set_overlap, settle
from studio.tasks.reading.pasting import Columns, read_pasted
from studio.tasks.store import TaskStore
from studio.tasks.task import Task
from studio.tasks.version import VersionCard
from studio.visitor import THE_ONE, Visitor
from studio.workspace import disk_errors_in_words

Part = Literal["waiting", "all"]
MOST_PASTED = 100_000


class Sheet(NamedTuple):
    """What one person has before them: the task, their share of it, and what they said so far."""

    task: Task
    part: Part
    counts: dict[str, int]
    ids: list[str]
    mine: dict[str, Label]
    progress: Progress
    labels: tuple[str, ...]


class Together(NamedTuple):
    """How far everybody is and agrees, what is settled, and how many answers using the labels would change."""

    team: Team
    progress: dict[str, Progress]
    agreement: Agreement
    words: str
    settled: dict[str, str]
    changes: int


class Clash(NamedTuple):
    """An edit of a list that somebody's change came before: its place, and what is there now."""

    number: int
    words: str
    current: Any


class Added(NamedTuple):
    """What came of a pasted text or a file: the task, how many inputs wait, how many came with their answers."""

    task_id: str
    waiting: int
    whole: int


class LabelDesk:
    """What a visitor does to their tasks. Safe to use from several threads and processes."""

    def __init__(
        self,
        store: TaskStore,
        visitor: Visitor = THE_ONE,
        check: Callable[[], None] = lambda: None,
        place: Place | None = None,
    ) -> None:
        self.store = store
        self.visitor = visitor
        self._check = check
        self._foreign = Foreign(place or HERE, visitor)

    # What there is

    def load_task(self, task_id: str) -> Task:
        """Return the current version of a task. Raises NotFoundError in words."""
        return self.store.load_task(task_id, visitor=self.visitor)

    def list_items(self, task_id: str) -> list[Item]:
        """Return what waits, in the order it came, then the task's instances; numbers count from 1."""
        task = self.load_task(task_id)
        waiting = self._waiting(task)
        first = [Item(place, one.id, one.input, (), True, None) for place, one in enumerate(waiting, 1)]
        rest = enumerate(task.instances, len(first) + 1)
        return first + [Item(place, one.id, one.input, one.output, False, one) for place, one in rest]

    def find_items(self, task_id: str, ids: Sequence[str]) -> list[Item]:
        """Return the items called so; one that is gone is left out."""
        wanted = set(ids)
        return [item for item in self.list_items(task_id) if item.id in wanted]

    def look(self, task_id: str, person: str, part: Part | None = None) -> Sheet:
        """Return a person's share of a task: of what waits where something does, else of all. Writes nothing."""
        items = self.list_items(task_id)
        counts = {"waiting": sum(item.waiting for item in items), "all": len(items)}
        chosen: Part = part if part and counts[part] else "waiting" if counts["waiting"] else "all"
        team = self._team(task_id)
        everybody = (*team.people, *([person] if person not in team.people else []))
        ids = [item.id for item in items if item.waiting or chosen == "all"]
        if len(everybody) > 1:
            ids = assign(ids, everybody, team.overlap)[person]
        given = self.read_labels(task_id)
        mine = given.get(person, {})
        task = self.load_task(task_id)
        return Sheet(task, chosen, counts, ids, mine, measure_progress(ids, mine), _find_set(task, given))

    def look_together(self, task_id: str, part: Part | None = None) -> Together:
        """Return how far everybody is, where they differ, and what using the labels would change."""
        task, labels, team = self.load_task(task_id), self.read_labels(task_id), self._team(task_id)
        items = self.list_items(task_id)
        only_waiting = part != "all" and any(item.waiting for item in items)
        ids = [item.id for item in items if item.waiting or not only_waiting]
        shares = assign(ids, team.people, team.overlap) if len(team.people) > 1 else dict.fromkeys(team.people, ids)
        agreement = measure_agreement(labels)
        settled = read_settled(self._folder(task_id))
        return Together(
            team,
            {name: measure_progress(share, labels.get(name, {})) for name, share in shares.items()},
            agreement,
            describe_agreement(agreement.alpha),
            settled,
            len(self._find_edits(task, labels, settled)),
        )

    def read_labels(self, task_id: str) -> dict[str, dict[str, Label]]:
        """Return person -> instance -> label, of the instances that are there."""
        self.load_task(task_id)
        return read_labels(self.store.label_folder(task_id))

    # Labelling

    def add_label(self, task_id: str, label: Label, before: float | None = None) -> str:
        """Keep a label on the disk, and return the task it was kept with.

        `before` is when the label was given that the person saw on it (None: there was none). Raises EditConflict if
        they gave another one meanwhile, in another window.
        """
        label = label.model_copy(update={"by": read_name(label.by)})
        with self._open(task_id) as own:
            if all(item.id != label.id for item in self.list_items(own)):
                raise InputError(
                    f"The task has no instance {label.id[:60]!r} any more. Somebody may have deleted it; go on with "
                    "the next.",
                    field="id",
                )
            there = self._find_label(own, label.by, label.id)
            if there and there.at != before and there.output != label.output:
                raise EditConflict(
                    f"Under your name this was labelled in another window meanwhile: {_say_label(there)}. Label it "
                    "again to replace that. Was it somebody else? Then each write a name of your own.",
                    there,
                )
            join_team(self._folder(own), label.by)
            add_label(self.store.label_folder(own), label)
        return own

    def undo_label(self, task_id: str, person: str, id: str, at: float) -> Label | None:
        """Take back the label of an instance that was given at `at`, and return the one before it, if there was one.

        Raises EditConflict if another is there by now.
        """
        name = read_name(person)
        with self._open(task_id) as own:
            there = self._find_label(own, name, id)
            if there is None:
                return None
            if there.at != at:
                raise EditConflict("You labelled this again in another window, so nothing was undone.", there)
            add_label(self.store.label_folder(own), there.model_copy(update={"undone": True, "at": time.time()}))
            return self._find_label(own, name, id)

    def settle(self, task_id: str, id: str, output: str | None, by: str) -> str:
        """Settle on an answer where people differ; return the task. Without an output it is open again."""
        with self._open(task_id) as own:
            settle(self._folder(own), id, output, read_name(by))
        return own

    def set_overlap(self, task_id: str, overlap: float, by: str) -> str:
        """Change which share of the instances goes to two people; return the task."""
        with self._open(task_id) as own:
            set_overlap(self._folder(own), overlap, read_name(by))
        return own

    def use_labels(self, task_id: str, by: str = "") -> Task:
        """Make a new version of the task by what was labelled, and return it; the same one if nothing changes.

        Counted is where all who labelled an instance agree, or a person has settled it. Raises InputError where inputs
        wait in a task whose instances need more than an answer.
        """
        with self._open(task_id) as own:
            task, labels = self.load_task(own), self.read_labels(own)
            edits = self._find_edits(task, labels, read_settled(self._folder(own)))
            if any(isinstance(edit, AddInstance) for edit in edits):
                _check_answerable(task)
            return self.store.edit_task(own, edits, by, self.visitor) if edits else task

    # Writing

    def paste(
        self, task_id: str, text: str, column: str | None = None, answers: str | None = None, by: str = ""
    ) -> Added:
        """Add what was pasted: what has an answer becomes an instance at once, the rest waits for one."""
        return self._add_pairs(task_id, read_pasted(text, column, answers), by)

    def let_wait(self, task_id: str, text: str) -> Added:
        """Let one input, whatever lines it has, wait for its answer."""
        return self._add_pairs(task_id, [(text.strip(), "")] if text.strip() else [], "")

    def upload_inputs(
        self, task_id: str, path: Path, name: str, column: str | None = None, answers: str | None = None, by: str = ""
    ) -> Added:
        """Add what is in a file, as `paste` does."""
        return self._add_pairs(task_id, self._foreign.list_inputs(path, name, column, answers), by)

    def preview_inputs(self, path: Path, name: str) -> Columns | None:
        """Return the columns of a file, None if there is nothing to choose. Raises TaskError in words."""
        return self._foreign.show_inputs(path, name)

    def drop_waiting(self, task_id: str, ids: Sequence[str]) -> str:
        """Take inputs out of those that wait; return the task."""
        with self._open(task_id) as own:
            drop_inputs(self._folder(own), ids)
        return own

    def add_instance(self, task_id: str, input: str, outputs: Sequence[str], by: str = "") -> Task:
        """Add an instance that was written by hand, as a new version; return the task."""
        texts = tuple(text for text in outputs if text.strip())
        if not input.strip():
            raise InputError("The input is blank. Write what the model will be given.", field="input")
        if not texts:
            raise InputError("The output is blank. Write what the model should answer.", field="output")
        with self._open(task_id) as own:
            edit = _write_instance(self.load_task(own), next(self._free_ids(own)), input, texts)
            return self.store.edit_task(own, [edit], by, self.visitor)

    def edit(self, task_id: str, edits: Sequence[Edit], by: str = "") -> Task:
        """Make a new version by some edits. Raises EditConflict; `find_clashes` says which."""
        self._check()
        return self.store.edit_task(task_id, edits, by, self.visitor)

    def find_own(self, task_id: str) -> str:
        """Return the task that an edit of this one changes: of a sample, the visitor's copy, made if there is none."""
        self._check()
        self.load_task(task_id)
        return self.store.copy_sample(task_id, self.visitor) if self.store.is_sample(task_id) else task_id

    def find_clashes(self, task_id: str, edits: Sequence[Edit]) -> list[Clash]:
        """Return the edits of a list that were made of what is no longer there."""
        task, found = self.load_task(task_id), []
        for number, edit in enumerate(edits):
            try:
                apply_edit(task, edit)
            except EditConflict as conflict:
                found.append(Clash(number, str(conflict), conflict.current))
        return found

    # Versions

    def list_versions(self, task_id: str) -> list[VersionCard]:
        """Return the versions of a task, the newest first."""
        return self.store.list_versions(task_id, self.visitor)

    def compare(self, task_id: str, before: str, after: str) -> Difference:
        """Return what is different between two versions of a task."""
        load = self.store.load_task
        return compare(load(task_id, before, self.visitor), load(task_id, after, self.visitor))

    def restore(self, task_id: str, version: str, by: str = "") -> Task:
        """Make an earlier version current again, as a new version."""
        self._check()
        return self.store.restore(task_id, version, by, self.visitor)

    # Inside

    @contextmanager
    def _open(self, task_id: str) -> Iterator[str]:
        """The id of the visitor's own task, while nobody else writes at its desk. Raises NotFoundError."""
        own = self.find_own(task_id)
        folder = self._folder(own)
        with disk_errors_in_words(folder), FileLock(folder / ".desk.lock"):
            yield own

    def _folder(self, task_id: str) -> Path:
        return self.store.task_folder(task_id)

    def _team(self, task_id: str) -> Team:
        return read_team(self._folder(task_id))

    def _waiting(self, task: Task) -> list[Waiting]:
        return read_waiting(self._folder(task.task_id), task)

    def _find_label(self, task_id: str, person: str, id: str) -> Label | None:
        return self.read_labels(task_id).get(person, {}).get(id)

    def _find_edits(self, task: Task, labels: dict[str, dict[str, Label]], settled: dict[str, str]) -> list[Edit]:
        return [*make_edits(task, labels, settled), *make_additions(self._waiting(task), labels, settled)]

    def _add_pairs(self, task_id: str, pairs: Sequence[tuple[str, str]], by: str) -> Added:
        if not pairs:
            raise InputError(
                "There is no text to add. Paste inputs, one a line or separated by blank lines.", field="text"
            )
        if len(pairs) > MOST_PASTED:
            raise InputError(
                f"These are {len(pairs):,} inputs; at most {MOST_PASTED:,} are added at once. Add them in parts.",
                field="text",
            )
        with self._open(task_id) as own:
            task = self.load_task(own)
            _check_answerable(task)
            there = {(one.input.strip(), one.output[0].strip()) for one in task.instances}
            whole = [pair for pair in dict.fromkeys(pairs) if pair[1] and pair not in there]
            ids = self._free_ids(own)
            edits = [_write_instance(task, next(ids), text, (answer,)) for text, answer in whole]
            if edits:
                task = self.store.edit_task(own, edits, by, self.visitor)
            waiting = add_inputs(self._folder(own), task, [text for text, answer in pairs if not answer])
            return Added(own, len(waiting), len(edits))

    def _free_ids(self, task_id: str) -> Iterator[str]:
        taken = {item.id for item in self.list_items(task_id)}
        return (id for number in count(len(taken)) if (id := f"{task_id}-{number}") not in taken)


def _write_instance(task: Task, id: str, input: str, outputs: tuple[str, ...]) -> AddInstance:
    """The edit that adds an instance of the task's kind. Raises InputError where two texts don't make one."""
    _check_answerable(task)
    return AddInstance(instance=KINDS.find(task.kind).make(id, input, outputs))


def _check_answerable(task: Task) -> None:
    """Raise InputError for a kind of task whose instances need more than an input and its answer."""
    KINDS.find(task.kind).make("-", "-", ("-",)).check_whole()


def _find_set(task: Task, given: dict[str, dict[str, Label]]) -> tuple[str, ...]:
    """The labels to choose from: those of the task, and those that people added to them; none for free text."""
    if not task.labels:
        return ()
    said = {label.output.strip() for labels in given.values() for label in labels.values() if label.output}
    return (*task.labels, *sorted(said - set(task.labels)))


def _say_label(label: Label) -> str:
    return "skipped" if label.output is None else repr(label.output[:80])
