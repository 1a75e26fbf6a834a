"""What can be done about a finding: functions from a task to a new one. Nothing is done unasked.

One rule holds for all: what would delete most of a task is not offered.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from studio.errors import InputError
from studio.tasks.quality.content import PERSONAL
from studio.tasks.quality.finding import Finding
from studio.tasks.quality.labels import MOST_INSTANCES, count_labels, find_ceiling, find_variants, read_label
from studio.tasks.quality.language import guess_language, list_side
from studio.tasks.quality.repairs import DELETING, TASK_REPAIRS, TEXT_REPAIRS, apply_repair, map_texts
from studio.tasks.task import Instance, Task


def leave_out(task: Task, finding: Finding) -> Task:
    """Return the task without the finding's instances. Raises InputError if none would be left."""
    gone = set(finding.numbers)
    kept = tuple(instance for number, instance in enumerate(task.instances) if number not in gone)
    return _with_instances(task, kept)


def take_one_spelling(task: Task, finding: Finding) -> Task:
    """Return the task with every label in its most frequent spelling."""
    variants = find_variants(task)

    def repair(instance: Instance) -> Instance:
        spelt = instance.map_answers(lambda text, place: variants.get(text, text))
        once = tuple(dict.fromkeys(spelt.output))
        return spelt if once == spelt.output else spelt.model_copy(update={"output": once})

    return task.model_copy(update={"instances": tuple(map(repair, task.instances))})


def balance(task: Task, finding: Finding) -> Task:
    """Return the task without some instances of the labels that are over their ceiling, chosen by hash."""
    room = dict.fromkeys(map(read_label, counts := count_labels(task)), find_ceiling(counts) or len(task.instances))
    chosen = set()
    for instance in sorted(task.instances, key=_hash):
        label = read_label(instance.output[0])
        if room.get(label, 1) > 0:
            chosen.add(instance.id)
            room[label] = room.get(label, 2) - 1
    return _with_instances(task, tuple(instance for instance in task.instances if instance.id in chosen))


def sample(task: Task, finding: Finding) -> Task:
    """Return the task with as many instances as upstream takes, chosen by hash."""
    chosen = {instance.id for instance in sorted(task.instances, key=_hash)[:MOST_INSTANCES]}
    return _with_instances(task, tuple(instance for instance in task.instances if instance.id in chosen))


def mask(task: Task, finding: Finding) -> Task:
    """Return the task with personal data replaced by its kind in brackets: [EMAIL]."""

    def repair(text: str) -> str:
        for kind, find in PERSONAL.items():
            while piece := find(text):
                text = text.replace(piece, f"[{kind}]")
        return text

    return map_texts(task, repair)


def _declare(side: str) -> Callable[[Task, Finding], Task]:
    """Make the fix that writes down the language one side of the task really has."""

    def declare(task: Task, finding: Finding) -> Task:
        found = guess_language(list_side(task, side)).language
        return task.model_copy(update={f"{side}_languages": (found,)}) if found else task

    return declare


def split_apart(task: Task, finding: Finding) -> Task:
    """Return the task with the rule of splitting that keeps near duplicates in one part."""
    return task.model_copy(update={"split": "stratified"})


def _repair(name: str) -> Callable[[Task, Finding], Task]:
    return lambda task, finding: apply_repair(task, name)


class Fix(NamedTuple):
    """What a fix does, and whether rows may vanish by it."""

    run: Callable[[Task, Finding], Task]
    deletes: bool = False


FIXES = {
    "leave out": Fix(leave_out, deletes=True),
    "one spelling": Fix(take_one_spelling),
    "balance": Fix(balance, deletes=True),
    "sample": Fix(sample, deletes=True),
    "mask": Fix(mask),
    "split apart": Fix(split_apart),
    "declare input": Fix(_declare("input")),
    "declare output": Fix(_declare("output")),
    **{name: Fix(_repair(name), deletes=name in DELETING) for name in (*TEXT_REPAIRS, *TASK_REPAIRS)},
}
"""Every fix by the name that findings carry."""

MOST_LOST = 0.5
"""The share of the rows that a fix may delete and still be offered: who loses more wants to look at the file first."""


def offer_fix(task: Task, finding: Finding) -> Finding:
    """Return the finding as it may be shown: without its fix where that would delete most of the rows."""
    if finding.fix not in FIXES or not FIXES[finding.fix].deletes:
        return finding
    total, kept = len(task.instances), _count_kept(task, finding)
    if total - kept <= MOST_LOST * total:
        return finding
    words = f"{finding.words} No fix is offered, since it would delete {total - kept:,} of {total:,} rows."
    return finding.model_copy(update={"fix": "", "fix_words": "", "words": words})


def _count_kept(task: Task, finding: Finding) -> int:
    try:
        return len(FIXES[finding.fix].run(task, finding).instances)
    except InputError:  # nothing would be left
        return 0


def apply_fix(task: Task, finding: Finding) -> Task:
    """Return the task with a finding's fix done: a new version. Raises InputError if it has none, or is stale."""
    if finding.fix not in FIXES:
        raise InputError(
            f"There is no fix for {finding.title!r} that could be done for you: {finding.words}", field="fix"
        )
    if finding.numbers and max(finding.numbers) >= len(task.instances):
        raise InputError("The report is of another version of this task. Check the task again.", field="fix")
    return FIXES[finding.fix].run(task, finding)


def _hash(instance: Instance) -> bytes:
    return hashlib.sha256(f"{instance.input}\n{instance.id}".encode()).digest()


def _with_instances(task: Task, instances: tuple[Instance, ...]) -> Task:
    if not instances:
        raise InputError(
            "No example would be left, and a task has at least one. Correct some of them instead.", field="fix"
        )
    return task.model_copy(update={"instances": instances})
