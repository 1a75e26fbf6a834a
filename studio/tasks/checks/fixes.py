"""What can be done about a finding: functions from a task to a new one. Nothing is done unasked."""

import hashlib
from collections.abc import Callable

from studio.errors import InputError
from studio.tasks.checks.content import PERSONAL
from studio.tasks.checks.finding import Finding
from studio.tasks.checks.labels import MOST_INSTANCES, count_labels, find_variants
from studio.tasks.checks.language import guess_language
from studio.tasks.repairs import TASK_REPAIRS, TEXT_REPAIRS, apply_repair, map_texts
from studio.tasks.task import Instance, Task


def leave_out(task: Task, finding: Finding) -> Task:
    """Return the task without the finding's instances. Raises InputError if none would be left."""
    gone = set(finding.numbers)
    kept = tuple(instance for number, instance in enumerate(task.instances) if number not in gone)
    return _with_instances(task, kept)


def take_one_spelling(task: Task, finding: Finding) -> Task:
    """Return the task with every label in its most frequent spelling."""
    variants = find_variants(task)

    def mend(instance: Instance) -> Instance:
        output = tuple(dict.fromkeys(variants.get(text, text) for text in instance.output))
        return instance if output == instance.output else instance.model_copy(update={"output": output})

    return task.model_copy(update={"instances": tuple(map(mend, task.instances))})


def balance(task: Task, finding: Finding) -> Task:
    """Return the task with at most three times as many instances of a label as of the rarest, chosen by hash."""
    counts = count_labels(task)
    most = 3 * max(1, min(counts.values(), default=1))
    room = dict.fromkeys(counts, most)
    chosen = set()
    for instance in sorted(task.instances, key=_hash):
        label = instance.output[0].strip()
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

    def mend(text: str) -> str:
        for kind, find in PERSONAL.items():
            while piece := find(text):
                text = text.replace(piece, f"[{kind}]")
        return text

    return map_texts(task, mend)


def _declare(side: str) -> Callable[[Task, Finding], Task]:
    """Make the fix that writes down the language one side of the task really has."""

    def declare(task: Task, finding: Finding) -> Task:
        texts = (item.output[0] if side == "output" else item.input for item in task.instances[:2000])
        found = guess_language(texts).language
        return task.model_copy(update={f"{side}_languages": (found,)}) if found else task

    return declare


def split_apart(task: Task, finding: Finding) -> Task:
    """Return the task with the rule of splitting that keeps near duplicates in one part."""
    return task.model_copy(update={"split": "stratified"})


def _repair(name: str) -> Callable[[Task, Finding], Task]:
    return lambda task, finding: apply_repair(task, name)


FIXES: dict[str, Callable[[Task, Finding], Task]] = {
    "leave out": leave_out,
    "one spelling": take_one_spelling,
    "balance": balance,
    "sample": sample,
    "mask": mask,
    "split apart": split_apart,
    "declare input": _declare("input"),
    "declare output": _declare("output"),
    **{name: _repair(name) for name in (*TEXT_REPAIRS, *TASK_REPAIRS)},
}
"""Every fix by the name that findings carry."""


def apply_fix(task: Task, finding: Finding) -> Task:
    """Return the task with a finding's fix done: a new version. Raises InputError if it has none, or is stale."""
    if finding.fix not in FIXES:
        raise InputError(
            f"There is no fix for {finding.title!r} that could be done for you: {finding.words}", field="fix"
        )
    if finding.numbers and max(finding.numbers) >= len(task.instances):
        raise InputError("The report is of another version of this task. Check the task again.", field="fix")
    return FIXES[finding.fix](task, finding)


def _hash(instance: Instance) -> bytes:
    return hashlib.sha256(f"{instance.input}\n{instance.id}".encode()).digest()


def _with_instances(task: Task, instances: tuple[Instance, ...]) -> Task:
    if not instances:
        raise InputError(
            "No instance would be left, and a task has at least one. Correct some of them instead.", field="fix"
        )
    return task.model_copy(update={"instances": instances})
