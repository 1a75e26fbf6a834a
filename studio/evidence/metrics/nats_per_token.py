"""Nats a token: the mean cross-entropy of text, by which forgetting is told; of one tokenizer only."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from studio.evidence.metrics.metric import Answered, Metric, Numbers, divide
from studio.tasks.task import Task


class NatsPerToken(Metric):
    """Minus the log-probability of the first references, a token."""

    name: ClassVar[str] = "nats_per_token"
    title: ClassVar[str] = "Nats a token"
    unit: ClassVar[str] = "nats"
    better = "lower"
    says: ClassVar[str] = "How surprising each token of the wanted text is; not to be compared across tokenizers."
    bounds = None
    digits: ClassVar[int] = 3
    position: ClassVar[int] = 85

    @classmethod
    def fits(cls, task: Task) -> bool:
        """Any text has tokens."""
        return True

    @classmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return nats and tokens (instances x 2)."""
        return np.array([[each.nats, each.tokens] for each in answered], float).reshape(-1, 2)

    @classmethod
    def conclude(cls, sums: Numbers) -> Numbers:
        """Return nats a token."""
        return divide(sums[..., 0], sums[..., 1])
