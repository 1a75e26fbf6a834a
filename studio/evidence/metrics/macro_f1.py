"""Macro-F1: the mean over the labels of how well each is found, so that a rare one counts as much as a frequent one."""

from collections.abc import Sequence
from typing import ClassVar

from studio.evidence.metrics.labels import tally_labels
from studio.evidence.metrics.metric import Answered, Metric, Numbers, divide
from studio.tasks.task import Task


class MacroF1(Metric):
    """The mean F1 of the labels that are wanted somewhere."""

    name: ClassVar[str] = "macro_f1"
    title: ClassVar[str] = "Macro-F1"
    says: ClassVar[str] = "The mean over the labels of how well each is found; always answering one label scores low."
    position: ClassVar[int] = 30

    @classmethod
    def fits(cls, task: Task) -> bool:
        """Where there are labels."""
        return super().fits(task) and len(task.labels) > 1

    @classmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return for each label: a hit, wanted, named (instances x 3 labels)."""
        return tally_labels(answered, labels)

    @classmethod
    def conclude(cls, sums: Numbers) -> Numbers:
        """Return the mean F1 of the labels that are wanted."""
        hits, wanted, named = (
            sums.reshape(*sums.shape[:-1], 3, sums.shape[-1] // 3)[..., place, :] for place in range(3)
        )
        found = divide(2 * hits, wanted + named)
        return divide(100 * (found * (wanted > 0)).sum(axis=-1), (wanted > 0).sum(axis=-1).astype(float))
