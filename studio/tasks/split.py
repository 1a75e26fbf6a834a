"""Which instances train, which choose the checkpoint, which are kept for the score.

Knows only ids, inputs and a seed. The same task and seed always give the same parts, on every machine and in every
order of the file, because an instance's place is decided by a hash of its input. Equal inputs are never in two parts: a
model must not be asked what it was shown. Each part is in hash order, so its first n are a fair sample.
"""

import hashlib
from collections import defaultdict
from typing import NamedTuple

from studio.errors import TaskError
from studio.tasks.task import Instance, Task

SHARE = 0.1
"""The part of the instances that goes to validation, and again to test."""
MOST = 100
"""The most instances of validation and of test: upstream scores on 100."""


class Split(NamedTuple):
    """The three parts of a task; together they are all its instances."""

    train: tuple[Instance, ...]
    validation: tuple[Instance, ...]
    test: tuple[Instance, ...]


def split_task(task: Task, seed: int = 0) -> Split:
    """Split a task about 80/10/10. Raises TaskError if there are fewer than three different inputs."""
    groups = _group_by_input(task, seed)
    if len(groups) < 3:
        total = len(task.instances)
        found = f"{total} instance{'s' * (total != 1)}" + (
            f" with {len(groups)} different input{'s' * (len(groups) != 1)}" if total != len(groups) else ""
        )
        raise TaskError(
            f"The task {task.heading!r} has {found}; it needs at least 3 with different inputs: one to train on, "
            "one to choose the best step, one to score. Add some; a few hundred are a good start.",
            field="Instances",
        )
    target = min(MOST, max(1, round(len(task.instances) * SHARE)))
    test = _take(groups, target, leave=2)
    validation = _take(groups, target, leave=1)
    return Split(train=_flat(groups), validation=_flat(validation), test=_flat(test))


def _group_by_input(task: Task, seed: int) -> list[list[Instance]]:
    """Instances with equal inputs together, the groups in hash order, each group in the order of ids."""
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in task.instances:
        groups[instance.input.strip()].append(instance)
    order = sorted(groups, key=lambda text: hashlib.sha256(f"{seed}\n{text}".encode()).digest())
    return [sorted(groups[text], key=lambda instance: instance.id) for text in order]


def _take(groups: list[list[Instance]], target: int, leave: int) -> list[list[Instance]]:
    """Move whole groups out of `groups` until there are `target` instances; at least one goes, `leave` stay."""
    taken: list[list[Instance]] = []
    kept: list[list[Instance]] = []
    room, spare = target, len(groups) - leave
    for group in groups:
        fits = len(group) <= room and len(taken) < spare
        (taken if fits else kept).append(group)
        room -= len(group) if fits else 0
    if not taken:
        smallest = min(range(len(kept)), key=lambda place: len(kept[place]))
        taken.append(kept.pop(smallest))
    groups[:] = kept
    return taken


def _flat(groups: list[list[Instance]]) -> tuple[Instance, ...]:
    return tuple(instance for group in groups for instance in group)
