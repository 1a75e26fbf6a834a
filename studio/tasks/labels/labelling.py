"""Several people label one task: who gets which instances, what each said, where they differ, and what follows.

Each person's labels are one file of their own, `tasks/<task_id>/labels/<person>.jsonl`, to which lines are only added,
so nobody overwrites anybody and nothing typed is lost; the last line on an instance counts, and one that undoes it
restores the one before. Knows no page.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import InputError
from studio.journal import append_lines, read_lines
from studio.tasks.cell import check_text
from studio.tasks.edit import SetOutput
from studio.tasks.labels.agreement import krippendorff_alpha, pair_kappas
from studio.tasks.task import Instance, Task

LOG = logging.getLogger(__name__)


class Item(NamedTuple):
    """Something to label: an instance of the task, or an input that waits for its answer."""

    number: int
    id: str
    input: str
    outputs: tuple[str, ...]
    waiting: bool
    instance: Instance | None


class Label(BaseModel):
    """What one person said of one instance; without an output, that they skipped it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str = Field(min_length=1, max_length=80)
    id: str = Field(min_length=1)
    output: str | None = None
    at: float
    seconds: float | None = Field(None, ge=0)
    undone: bool = False


class Conflict(NamedTuple):
    """An instance that people labelled differently: person -> label."""

    id: str
    labels: dict[str, str]


class Progress(NamedTuple):
    """How far one person is: "37 of 120, about 6 minutes left"."""

    done: int
    of: int
    seconds_left: float | None

    @property
    def words(self) -> str:
        """Return the progress in a line."""
        if self.done >= self.of:
            return f"all {self.of:,} done"
        left = ""
        if self.seconds_left is not None:
            minutes = round(self.seconds_left / 60)
            left = f", about {minutes} minute{'s' * (minutes != 1)} left" if minutes else ", less than a minute left"
        return f"{self.done:,} of {self.of:,}{left}"


class Agreement(BaseModel):
    """How far the people agree, and on what they don't."""

    model_config = ConfigDict(frozen=True)

    people: tuple[str, ...]
    twice: int
    alpha: float | None
    kappas: dict[tuple[str, str], float]
    conflicts: tuple[Conflict, ...]


def add_label(folder: Path, label: Label) -> None:
    """Add one label to its person's file, whole and on the disk. Raises WorkspaceError, or TaskError for its text."""
    if label.output is not None:
        check_text(label.output, "output")
        if not label.output.strip():
            raise InputError("The label is blank. Choose or write one, or skip the instance.", field="output")
    append_lines(folder / _file_name(label.by), [label.model_dump()])


def read_labels(folder: Path) -> dict[str, dict[str, Label]]:
    """Return person -> instance -> the last label that counts; a line that can't be read is left out."""
    given: dict[str, dict[str, list[Label]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for label in _read_file(path):
            stack = given.setdefault(label.by, {}).setdefault(label.id, [])
            if label.undone:
                del stack[-1:]
            else:
                stack.append(label)
    return {by: {id: stack[-1] for id, stack in stacks.items() if stack} for by, stacks in given.items()}


def _read_file(path: Path) -> Iterator[Label]:
    for line in read_lines(path):
        try:
            yield Label.model_validate(line)
        except ValidationError:  # a line that another program wrote, or a crash cut so that it still is an object
            LOG.warning("%s has a line that is no label; it is left out.", path.name)


def _file_name(person: str) -> str:
    """A file name that is as readable as can be, and different for different people."""
    plain = re.sub(r"[^a-z0-9]+", "-", person.lower()).strip("-")[:40]
    return f"{plain or 'person'}-{hashlib.sha256(person.encode()).hexdigest()[:8]}.jsonl"


def assign(ids: Iterable[str], people: Sequence[str], overlap: float = 0.2, seed: int = 0) -> dict[str, list[str]]:
    """Return person -> ids of instances: all are shared out evenly, and a share `overlap` goes to two people.

    The same ids, people and seed always give the same. Raises InputError if nobody is named.
    """
    names = list(dict.fromkeys(people))
    if not names:
        raise InputError("Nobody was named to label. Name at least one person.", field="people")
    if not 0 <= overlap <= 1:
        raise InputError(f"overlap must be between 0 and 1, not {overlap}. Try 0.2.", field="overlap")
    order = sorted(ids, key=lambda id: hashlib.sha256(f"{seed}\n{id}".encode()).digest())
    found: dict[str, list[str]] = {name: [] for name in names}
    doubled = round(overlap * len(order)) if len(names) > 1 else 0
    for number, id in enumerate(order):
        found[names[number % len(names)]].append(id)
        if number < doubled:
            # The partner moves on with each round, so that every two people share some.
            step = 1 + (number // len(names)) % (len(names) - 1)
            found[names[(number + step) % len(names)]].append(id)
    return found


def measure_progress(ids: Sequence[str], labels: dict[str, Label]) -> Progress:
    """Return how far a person is with their instances, and how long the rest takes at their median pace."""
    done = [labels[id] for id in ids if id in labels]
    paces = sorted(label.seconds for label in done if label.seconds is not None)
    pace = paces[len(paces) // 2] if paces else None
    return Progress(len(done), len(ids), pace * (len(ids) - len(done)) if pace is not None else None)


def measure_agreement(labels: dict[str, dict[str, Label]]) -> Agreement:
    """Return how far people agree on what at least two of them labelled."""
    said = {
        by: {id: label.output.strip() for id, label in given.items() if label.output} for by, given in labels.items()
    }
    counts = Counter(id for given in said.values() for id in given)
    shared = [id for id, count in counts.items() if count > 1]
    conflicts = []
    for id in shared:
        given = {by: answers[id] for by, answers in said.items() if id in answers}
        if len(set(given.values())) > 1:
            conflicts.append(Conflict(id, given))
    return Agreement(
        people=tuple(sorted(said)),
        twice=len(shared),
        alpha=krippendorff_alpha(said),
        kappas=pair_kappas(said),
        conflicts=tuple(conflicts),
    )


def agreed_answers(labels: dict[str, dict[str, Label]], settled: dict[str, str] | None = None) -> dict[str, str]:
    """Return instance -> answer, where everybody who labelled it says the same, or a person has settled it."""
    said: dict[str, set[str]] = {}
    for given in labels.values():
        for id, label in given.items():
            if label.output:
                said.setdefault(id, set()).add(label.output.strip())
    agreed = {id: next(iter(answers)) for id, answers in said.items() if len(answers) == 1}
    return {**agreed, **{id: answer.strip() for id, answer in (settled or {}).items()}}


def make_edits(
    task: Task, labels: dict[str, dict[str, Label]], settled: dict[str, str] | None = None
) -> list[SetOutput]:
    """Return the edits that labelling comes to: where all agree, or a person has settled it, and something changes."""
    answers = agreed_answers(labels, settled)
    edits = []
    for instance in task.instances:
        answer = answers.get(instance.id)
        if answer is None:
            continue
        if instance.output[0].strip() != answer:
            others = (
                tuple(text for text in instance.output if text.strip() != answer)
                if answer in [text.strip() for text in instance.output]
                else ()
            )
            edits.append(SetOutput(id=instance.id, output=(answer, *others)))
    return edits
