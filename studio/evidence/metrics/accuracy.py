"""Accuracy: how often the answer names the label that is wanted, even in a sentence."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from studio.evidence.metrics.labels import OTHER, find_label, find_wanted_label
from studio.evidence.metrics.metric import Answered, Metric, Numbers
from studio.tasks.task import Task


class Accuracy(Metric):
    """The share of answers that name the wanted label and no other."""

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy"
    says: ClassVar[str] = "Names the wanted label and no other, in a sentence too."
    counts: ClassVar[bool] = True
    position: ClassVar[int] = 20

    @classmethod
    def fits(cls, task: Task) -> bool:
        """Where there are labels."""
        return super().fits(task) and len(task.labels) > 1

    @classmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return 1 or 0, and one (instances x 2)."""
        hits = [find_label(each.answer, labels) == find_wanted_label(each, labels) != OTHER for each in answered]
        return np.array([[float(hit), 1.0] for hit in hits]).reshape(-1, 2)
