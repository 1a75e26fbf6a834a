"""A sample task before it is a file: what it says, and how one instance is drawn; and how a whole task is built of it.

Knows that a task is balanced over its `groups`, holds no input twice and none of its own examples, and that its test of
unseen words is drawn by the same hand from other words. Knows no subject: those are the other files of this folder.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from studio.tasks.kinds.instruction import Instruction
from studio.tasks.task import Example, Instance, Task

UNSEEN_COUNT = 60
"""Instances in a test of unseen words."""

WRITTEN_HERE: dict[str, Any] = {
    "source": ("synthetic",),
    "contributors": ("Fine-Tuning Studio",),
    "input_languages": ("English",),
    "output_languages": ("English",),
    "instruction_languages": ("English",),
    "instance_license": ("Apache 2.0",),
}
"""What is true of every sample."""

_TRIES = 400
"""Draws for one instance before giving up; a group that runs dry is a mistake in its file."""


def is_kept_apart(word: str, salt: str = "", one_in: int = 4) -> bool:
    """Whether a word is only for the test of unseen words: one in so many, by a hash of its letters after `salt`."""
    return hashlib.sha256(f"{salt}{word}".encode()).digest()[0] % one_in == 0


@dataclass(frozen=True)
class Draw:
    """Where an instance comes from: chance, the group it must belong to, whether its words are reserved."""

    rng: Random
    group: str
    unseen: bool


@dataclass(frozen=True)
class Sample:
    """A sample task; `draw` returns an input and every right output.

    `reach` is between which scores the built-in base comes with the standard preset, on test, in %.
    """

    number: int
    name: str
    title: str
    definition: str
    things_to_avoid: str
    categories: tuple[str, ...]
    domains: tuple[str, ...]
    positive: tuple[Example, ...]
    negative: tuple[Example, ...]
    draw: Callable[[Draw], tuple[str, tuple[str, ...]]]
    groups: tuple[str, ...] = ("",)
    count: int = 1000
    reach: tuple[int, int] = (80, 100)

    @property
    def task_id(self) -> str:
        """The name of its file: studio001_sentiment."""
        return f"studio{self.number:03d}_{self.name}"


def build_task(sample: Sample) -> Task:
    """Return the task, the same every time."""
    examples = {example.input for example in sample.positive + sample.negative}
    return _make_task(sample, _draw_instances(sample, sample.count, unseen=False, avoid=examples))


def build_unseen(sample: Sample) -> Task:
    """Return the test of unseen words: the same task with other instances."""
    avoid = {instance.input for instance in build_task(sample).instances}
    return _make_task(sample, _draw_instances(sample, UNSEEN_COUNT, unseen=True, avoid=avoid))


def _make_task(sample: Sample, instances: tuple[Instance, ...]) -> Task:
    return Task(
        task_id=sample.task_id,
        title=sample.title,
        definition=sample.definition,
        things_to_avoid=sample.things_to_avoid,
        positive_examples=sample.positive,
        negative_examples=sample.negative,
        instances=instances,
        categories=sample.categories,
        domains=sample.domains,
        **WRITTEN_HERE,
    )


def _draw_instances(sample: Sample, count: int, unseen: bool, avoid: set[str]) -> tuple[Instance, ...]:
    """Draw from the groups in turn, so that each has its share, and shuffle."""
    rng = Random(f"{sample.task_id} {'unseen' if unseen else 'task'}")
    found: dict[str, tuple[str, ...]] = {}
    for turn in range(count):
        text, output = _draw_new(
            sample, Draw(rng, sample.groups[turn % len(sample.groups)], unseen), avoid | found.keys()
        )
        found[text] = output
    pairs = sorted(found.items(), key=lambda pair: hashlib.sha256(pair[0].encode()).digest())
    return tuple(
        Instruction(
            id=f"studio{sample.number:03d}-{hashlib.sha256(text.encode()).hexdigest()[:32]}", input=text, output=output
        )
        for text, output in pairs
    )


def _draw_new(sample: Sample, draw: Draw, taken: set[str]) -> tuple[str, tuple[str, ...]]:
    for _ in range(_TRIES):
        text, output = sample.draw(draw)
        if text not in taken:
            return text, output
    raise RuntimeError(
        f"{sample.task_id}: no new instance of the group {draw.group!r} after {_TRIES} draws. Give it more words."
    )
