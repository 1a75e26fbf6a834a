"""Several tasks as one stream of training instances, each with its weight. Knows splits and a seed, and no tokens.

Each instance keeps its task, because the task's definition is in its prompt. A weight of 2 makes a task's instances
come twice as often as weight 1 would, whatever their number; the stream is the same for the same seed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from studio.errors import TaskError
from studio.tasks.split import split_task
from studio.tasks.task import Instance, Task


class Part(BaseModel):
    """One task that is mixed in: which, in which version, and how often, where the recipe's own task comes once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str = Field(min_length=1, max_length=100)
    task_version: str | None = Field(None, max_length=64)
    weight: float = Field(
        1.0, gt=0, le=1000, allow_inf_nan=False, title="Weight", description="2 comes twice as often as 1."
    )


class Mixed(NamedTuple):
    """An instance with the task it is of."""

    task: Task
    instance: Instance


class Examples(NamedTuple):
    """What a run learns from, and what it looks at to see how it does."""

    train: list[Mixed]
    validation: list[Mixed]


def take_examples(tasks: Sequence[Task], weights: Sequence[float], seed: int = 0) -> Examples:
    """Return the examples of one epoch: the first task's once, the others' by weight. Raises TaskError in words.

    `weights` are those of the other tasks, relative to the first one's.
    """
    splits = [split_task(task, seed) for task in tasks]
    validation = [Mixed(task, one) for task, split in zip(tasks, splits, strict=True) for one in split.validation]
    if len(tasks) == 1:
        return Examples([Mixed(tasks[0], one) for one in splits[0].train], validation)
    count = count_mixed(len(splits[0].train), weights)
    return Examples(list(mix_tasks(tasks, (1.0, *weights), count, seed)), validation)


def name_mixture(heading: str, others: int) -> str:
    """Return what to call a task with others that are learnt together."""
    return f"{heading} and {others} more" if others else heading


def count_mixed(own: int, weights: Sequence[float]) -> int:
    """Return how many examples an epoch has, of which `own` are of the first task."""
    return max(1, round(own * (1 + sum(weights))))


def mix_tasks(tasks: Sequence[Task], weights: Sequence[float], count: int, seed: int = 0) -> Iterator[Mixed]:
    """Yield `count` training instances, the tasks in turn by weight, each task's own in hash order, over and over.

    After any number of instances, no task is more than one instance away from its share. Raises TaskError in words.
    """
    if len(tasks) != len(weights) or not tasks:
        raise TaskError(
            f"A mixture needs a weight for each task; found {len(tasks)} tasks and {len(weights)} weights. Give each "
            "task one, such as 1.",
            field="weights",
        )
    if any(not 0 < weight < float("inf") for weight in weights):
        raise TaskError(f"A weight must be above 0, not {min(weights)}. Try 1, or leave the task out.", field="weights")
    names = [task.task_id for task in tasks]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TaskError(f"The task {twice!r} is in the mixture twice. Give it a larger weight instead.", field="tasks")
    parts = [split_task(task, seed).train for task in tasks]
    total = sum(weights)
    given = [0] * len(tasks)
    ties = [hashlib.sha256(f"{seed}\n{name}".encode()).digest() for name in names]
    for number in range(1, count + 1):
        # The task that is furthest behind its share comes next.
        behind = [number * weight / total - done for weight, done in zip(weights, given, strict=True)]
        chosen = max(range(len(tasks)), key=lambda place: (behind[place], ties[place]))
        part = parts[chosen]
        yield Mixed(tasks[chosen], part[given[chosen] % len(part)])
        given[chosen] += 1
