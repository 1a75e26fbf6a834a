"""Few: so many examples of each answer, drawn by a number, so that different objectives learn from the same ones.

Knows keys of examples and no tokens.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from random import Random

from studio.errors import TaskError
from studio.objectives.objective import Example
from studio.tasks.task import Instance, Task

LEAST = 2
"""One alone can't be compared with another of its class."""


def draw_few(examples: Sequence[Example], find: Callable[[Example], Hashable], shots: int, draw: int) -> list[Example]:
    """Return `shots` examples of each key that `find` tells, those that `draw` stands for; the keys in their order."""
    mixed = Random(draw).sample(list(examples), len(examples))
    groups: dict[Hashable, list[Example]] = {}
    for example in mixed:
        groups.setdefault(find(example), []).append(example)
    return [example for key in sorted(groups, key=str) for example in groups[key][:shots]]


def check_few(task: Task, train: Sequence[Instance], shots: int) -> None:
    """Raise TaskError in words where a task has fewer of a label than `shots`, or its training part hardly any.

    Of a task that has just enough, what goes to validation and test is missing from the examples; that is no error.
    """
    whole, left = (Counter(one.output[0].strip() for one in part if one.output) for part in (task.instances, train))
    fewest = min(task.labels, key=lambda label: whole[label])
    if whole[fewest] < shots:
        raise TaskError(
            f"The task {task.heading!r} has {whole[fewest]} instances of {fewest!r}, fewer than the {shots} examples a "
            f"class that are wanted. Label more of them, or set Examples a class to {max(LEAST, whole[fewest])}.",
            field="objective.shots",
        )
    fewest = min(task.labels, key=lambda label: left[label])
    if left[fewest] < LEAST:
        raise TaskError(
            f"The training part of {task.heading!r} has {left[fewest]} instances of {fewest!r}; {LEAST} of each class "
            "are compared at least. Label more of them, or split the task with each label's share in every part.",
            field="objective.shots",
        )
