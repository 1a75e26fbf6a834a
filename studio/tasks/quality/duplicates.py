"""Instances that occur twice, nearly twice, among the worked examples, or on both sides of the split."""

from collections import defaultdict
from collections.abc import Sequence

from studio.errors import TaskError
from studio.tasks.gist import list_gists
from studio.tasks.kinds import KINDS
from studio.tasks.quality.finding import Finding, count_of, say_places
from studio.tasks.quality.labels import count_labels, read_label
from studio.tasks.similarity import find_groups, normalise
from studio.tasks.split import split_task
from studio.tasks.task import Instance, Task

FEW = 0.05
"""The share of validation and test that may be nearly known before that is more than a remark."""


def check_duplicates(task: Task, seed: int = 0) -> list[Finding]:
    """Return what is there twice, and what the test would then measure wrongly."""
    return [*_find_equal(task), *_find_near(task, seed), *_find_in_examples(task)]


def _text_of(instance: Instance) -> str:
    """What is asked; where nothing is, what is answered."""
    return instance.key or instance.output[0].strip()


def _find_equal(task: Task) -> list[Finding]:
    by_key: dict[str, list[int]] = defaultdict(list)
    for number, instance in enumerate(task.instances):
        by_key[_text_of(instance)].append(number)
    are_labels = bool(count_labels(task))
    same: list[int] = []
    other: list[int] = []
    for numbers in (some for some in by_key.values() if len(some) > 1):
        taught: set[str] = set()
        meant: set[str] = set()
        for place, number in enumerate(numbers):
            lessons = task.instances[number].lessons
            meanings = {read_label(text) for text in lessons} if are_labels else lessons
            if place and lessons <= taught:
                same.append(number)
            elif place and not meanings <= meant:
                other.append(number)
            taught |= lessons
            meant |= meanings
    same.sort()
    other.sort()
    findings = []
    if same:
        findings.append(
            Finding(
                name="duplicates",
                severity="warning",
                title="Exact duplicates",
                words=f"{count_of(len(same), 'repeat')} an earlier one (same input and output), expected once: "
                f"{say_places(task, same)}. Leave the later ones out; the model learns nothing new from them.",
                numbers=tuple(same),
                fix="leave out",
                fix_words=f"Leave out {len(same):,}",
            )
        )
    if other and KINDS.find(task.kind).takes_references:
        first = task.instances[other[0]]
        findings.append(
            Finding(
                name="contradictions",
                severity="warning",
                title="Same input, different answers",
                words=f"{count_of(len(other))} the same input as an earlier one, with a different output: "
                f"{say_places(task, other)}, such as input {_text_of(first)[:60]!r} with output "
                f"{first.output[0][:60]!r}. If all outputs are right, merge them into one list of references; if not, "
                "correct them.",
                numbers=tuple(other),
                fix="merge",
                fix_words="Merge their outputs",
            )
        )
    return findings


def _find_near(task: Task, seed: int) -> list[Finding]:
    groups = find_groups(list_gists(task.instances))
    exact = [_text_of(instance) for instance in task.instances]
    near = [group for group in groups if len({exact[number] for number in group}) > 1]
    if not near:
        return []
    later = tuple(number for group in near for number in group[1:])
    pair = near[0][0], next(number for number in near[0] if exact[number] != exact[near[0][0]])
    findings = [
        Finding(
            name="near duplicates",
            severity="remark",
            title="Near-duplicates",
            words=f"{count_of(len(later), 'differ')} from an earlier one by a word in twenty or less: "
            f"{say_places(task, later)}; for example {exact[pair[0]][:60]!r} and {exact[pair[1]][:60]!r}. Leave the "
            "later ones out if they were not meant.",
            numbers=later,
            fix="leave out",
            fix_words=f"Leave out {len(later):,}",
        )
    ]
    across = _find_across(task, near, seed)
    if across:
        kept = len(task.instances) - len(split_task(task, seed).train)
        findings.append(
            Finding(
                name="leak across the split",
                severity="warning" if len(across) > FEW * kept else "remark",
                title="Test examples that are nearly in the training part",
                words=f"Of validation and test, {count_of(len(across), 'are')} nearly the same as one of training: "
                f"{say_places(task, across)}, so the score would be too good. Split so that near duplicates stay "
                "together.",
                numbers=tuple(across),
                fix="split apart",
                fix_words="Keep them in one part",
                follows=True,
            )
        )
    return findings


def _find_across(task: Task, groups: Sequence[Sequence[int]], seed: int) -> list[int]:
    try:
        split = split_task(task, seed)
    except TaskError:  # too small to be split, which `enough` tells
        return []
    train = {instance.id for instance in split.train}
    found: list[int] = []
    for group in groups:
        sides = [task.instances[number].id in train for number in group]
        if any(sides):
            found += [number for number, is_train in zip(group, sides, strict=True) if not is_train]
    return sorted(found)


def _find_in_examples(task: Task) -> list[Finding]:
    findings = []
    for examples, word in ((task.positive_examples, "positive"), (task.negative_examples, "negative")):
        shown = {normalise(example.input) for example in examples if example.input.strip()}
        numbers = tuple(n for n, item in enumerate(task.instances) if shown and normalise(item.key) in shown)
        if numbers:
            findings.append(
                Finding(
                    name=f"leak into {word} examples",
                    severity="warning" if word == "positive" else "remark",
                    title=f"An input is also a {word} example",
                    words=f"{count_of(len(numbers))} the input of a {word} example, which may be in the prompt: "
                    f"{say_places(task, numbers)}. The model would be shown what it is asked. Leave these examples "
                    "out, or write another example.",
                    numbers=numbers,
                    fix="leave out",
                    fix_words=f"Leave out {len(numbers):,}",
                )
            )
    return findings
