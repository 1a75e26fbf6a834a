"""Which instances train, which choose the checkpoint, which are kept for the score.

Knows only ids, keys, labels and a seed. The same task and seed always give the same parts, on every machine and in
every order of the file, because an instance's place is decided by a hash of its key: what is asked, as its kind says,
such as an input or the whole conversation before an answer. Equal keys are never in two parts: a model must not be
asked what it was shown. Each part is in hash order, so its first n are a fair sample.

A task may ask for another rule (`Task.split`): `stratified` gives each label its share of every part and keeps near
duplicates together; `official` is that of Super-NI, whose test is the first 100 instances as they are in the file.
"""

import hashlib
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple, get_args

from studio.errors import TaskError
from studio.tasks.gist import list_gists
from studio.tasks.similarity import find_groups
from studio.tasks.task import Instance, SplitRule, Task

SHARE = 0.1
"""The part of the instances that goes to validation, and again to test."""
SPLIT_RULES: tuple[SplitRule, ...] = get_args(SplitRule)
MOST = 100
"""The most instances of validation and of test: upstream scores on 100."""


class Split(NamedTuple):
    """The three parts of a task; together they are all its instances."""

    train: tuple[Instance, ...]
    validation: tuple[Instance, ...]
    test: tuple[Instance, ...]


def split_task(task: Task, seed: int = 0) -> Split:
    """Split a task about 80/10/10. Raises TaskError if there are fewer than three different inputs."""
    return _split(_Version(task), seed)


class _Version:
    """A task that is equal to another of the same version: one hash instead of a look at each instance."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and self.task.version == other.task.version

    def __hash__(self) -> int:
        return hash(self.task.version)


@lru_cache(maxsize=4)
def _split(version: _Version, seed: int) -> Split:
    """The parts of a task, kept, because a page asks for them again and again."""
    task = version.task
    groups = _group_near(task, seed) if task.split == "stratified" else _group_by_key(task, seed)
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
    if task.split == "stratified":
        return _split_by_label(groups, target)
    if task.split == "official":
        return _split_officially(task, groups)
    test = _take(groups, target, leave=2)
    validation = _take(groups, target, leave=1)
    return Split(train=_flat(groups), validation=_flat(validation), test=_flat(test))


def _group_by_key(task: Task, seed: int) -> list[list[Instance]]:
    """Instances with equal keys together, the groups in hash order, each group in the order of ids."""
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in task.instances:
        groups[instance.key].append(instance)
    order = sorted(groups, key=lambda text: hashlib.sha256(f"{seed}\n{text}".encode()).digest())
    return [sorted(groups[text], key=lambda instance: instance.id) for text in order]


def _group_near(task: Task, seed: int) -> list[list[Instance]]:
    """The groups of equal keys, those that are nearly equal joined."""
    groups = _group_by_key(task, seed)
    joined = _find_near(tuple(list_gists([group[0] for group in groups])))
    leader = {number: near[0] for near in joined for number in near}
    whole: dict[int, list[Instance]] = defaultdict(list)
    for number, group in enumerate(groups):
        whole[leader.get(number, number)] += group
    return list(whole.values())


@lru_cache(maxsize=4)
def _find_near(texts: tuple[str, ...]) -> list[list[int]]:
    """Which texts are nearly equal; kept, because a page asks for the same split again and again."""
    return find_groups(texts)


def _split_by_label(groups: list[list[Instance]], target: int) -> Split:
    """Give each label its share of test and validation, largest remainders first, so that the sizes come out."""
    by_label: dict[str, list[list[Instance]]] = defaultdict(list)
    for group in groups:
        by_label[group[0].output[0].strip()].append(group)
    if len(by_label) > MOST or len(by_label) * 3 > len(groups):
        by_label = {"": groups}
    total = len(groups)
    wanted = max(1, min(target, total // 3))
    shares = {label: len(members) * wanted / total for label, members in by_label.items()}
    counts = {label: min(int(share), (len(by_label[label]) - 1) // 2) for label, share in shares.items()}
    for label in sorted(shares, key=lambda label: (int(shares[label]) - shares[label], label)):
        room = (len(by_label[label]) - 1) // 2 - counts[label]
        if sum(counts.values()) < wanted and room > 0:
            counts[label] += 1
    parts: tuple[list[list[Instance]], ...] = ([], [], [])
    for label, members in by_label.items():
        count = counts[label]
        for part, some in zip(parts, (members[2 * count :], members[count : 2 * count], members[:count]), strict=True):
            part += some
    order = {id(group): place for place, group in enumerate(groups)}
    train, validation, test = (_flat(sorted(part, key=lambda group: order[id(group)])) for part in parts)
    return Split(train=train, validation=validation, test=test)


def _split_officially(task: Task, groups: list[list[Instance]]) -> Split:
    """Super-NI's test: the first 100 instances of the file, at most half of them; equal inputs go with them."""
    first = task.instances[: min(MOST, len(task.instances) // 2)]
    keys = {instance.key for instance in first}
    rest = [group for group in groups if group[0].key not in keys]
    if len(rest) < 2:
        raise TaskError(
            f"The task {task.heading!r} has {len(rest)} inputs beyond the first {len(first)}, which are the official "
            "test; it needs at least 2 to train on. Choose another rule of splitting.",
            field="split",
        )
    again = [instance for instance in task.instances[len(first) :] if instance.key in keys]
    validation = _take(rest, min(MOST, max(1, round(len(rest) * SHARE))), leave=1)
    return Split(train=_flat(rest), validation=_flat(validation), test=(*first, *again))


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
