"""Length: how much a checkpoint writes. Neither is better; an answer that is longer is often liked for it."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from studio.evidence.metrics.metric import Answered, Metric, Numbers, divide


class Length(Metric):
    """The mean number of characters in an answer."""

    name: ClassVar[str] = "length"
    title: ClassVar[str] = "Length"
    unit: ClassVar[str] = "characters"
    better = "neither"
    says: ClassVar[str] = "How many characters an answer has, on average."
    bounds = None
    position: ClassVar[int] = 90

    @classmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return characters, and one (instances x 2)."""
        return np.array([[len(each.answer), 1.0] for each in answered]).reshape(-1, 2)

    @classmethod
    def conclude(cls, sums: Numbers) -> Numbers:
        """Return the mean."""
        return divide(sums[..., 0], sums[..., 1])
