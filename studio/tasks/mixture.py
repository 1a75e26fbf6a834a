"""Several tasks as one stream of training instances, each with its weight. Knows splits and a seed, and no tokens.

Each instance keeps its task, because the task's definition stands in its prompt. A weight of 2 makes a task's instances
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
    """One task of a mixture: which, in which version, and how often relative to the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    version: str | None = None
    weight: float = Field(1.0, gt=0, le=1000, allow_inf_nan=False)


class Mixed(NamedTuple):
    """An instance with the task it is of."""

    task: Task
    instance: Instance


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
