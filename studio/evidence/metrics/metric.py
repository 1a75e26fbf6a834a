"""Metric: one number that many answers come to. The head of the family; one file each.

A metric writes a few tallies for each instance and says what sums of them come to. So a mean, a ratio and macro-F1 are
alike to whoever draws instances with repetition (`studio.evidence.interval`). Knows answers, references and no model.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.plugins import Named
from studio.tasks.task import Task

Numbers = NDArray[np.float64]


class Answered(NamedTuple):
    """One instance and what a checkpoint answered it; instances of one `cluster` share what is asked.

    `nats` is minus the log-probability of the first reference, whose text has `bytes` and `tokens`.
    """

    answer: str
    references: tuple[str, ...]
    cluster: str = ""
    nats: float = 0.0
    bytes: int = 0
    tokens: int = 0


class Metric(ABC, Named):
    """One number. `unit` comes after it; `says` explains it in a sentence.

    `counts` says that each instance is right or wrong, so that its flips can be counted; `official` that it equals the
    scorer of Super-NI.
    """

    unit: ClassVar[str] = "%"
    better: ClassVar[Literal["higher", "lower", "neither"]] = "higher"
    says: ClassVar[str]
    counts: ClassVar[bool] = False
    official: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float] | None] = (0.0, 100.0)
    digits: ClassVar[int] = 1

    @classmethod
    def fits(cls, task: Task) -> bool:
        """Return whether it means something for a task; by default where something is answered."""
        return has_answers(task)

    @classmethod
    @abstractmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return what each instance adds (instances x tallies). `labels` are the task's, where it has some."""

    @classmethod
    def conclude(cls, sums: Numbers) -> Numbers:
        """Return what sums of tallies (... x tallies) come to (...); by default the first over the second, in %."""
        return divide(100 * sums[..., 0], sums[..., 1])

    @classmethod
    def measure(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> float:
        """Return the number of many answers."""
        return float(cls.conclude(cls.tally(answered, labels).sum(axis=0)))


class Mean(Metric):
    """Head of those that are the mean of what each answer gets, 0 to 1."""

    @classmethod
    @abstractmethod
    def grade(cls, answer: str, references: Sequence[str]) -> float:
        """Return what one answer gets, 0 to 1."""

    @classmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return the grade of each, and one (instances x 2)."""
        grades = [[float(cls.grade(each.answer, each.references)), 1.0] for each in answered]
        return np.array(grades).reshape(-1, 2)


def divide(above: Numbers, below: Numbers) -> Numbers:
    """Return a quotient, 0 where nothing is divided by nothing."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below != 0)


def has_answers(task: Task) -> bool:
    """Whether a task asks for answers; running text doesn't."""
    return task.kind != "text"
