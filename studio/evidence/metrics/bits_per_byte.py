"""Bits per byte: how well a checkpoint foresees the text that is wanted; tokenizers apart can be compared by it.

Perplexity can't: a tokenizer of longer tokens has fewer of them to foresee.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from studio.evidence.metrics.metric import Answered, Metric, Numbers, divide
from studio.tasks.task import Task


class BitsPerByte(Metric):
    """Bits that the first reference, its end included, would take after the prompt, for each byte of its UTF-8."""

    name: ClassVar[str] = "bits_per_byte"
    title: ClassVar[str] = "Bits per byte"
    unit: ClassVar[str] = "bits"
    better = "lower"
    says: ClassVar[str] = "How surprising the wanted text is to the model: 0 is no surprise, 8 is pure chance."
    bounds = None
    digits: ClassVar[int] = 3
    position: ClassVar[int] = 80

    @classmethod
    def fits(cls, task: Task) -> bool:
        """Any text can be foreseen."""
        return True

    @classmethod
    def tally(cls, answered: Sequence[Answered], labels: Sequence[str] = ()) -> Numbers:
        """Return bits and bytes (instances x 2)."""
        return np.array([[each.nats / math.log(2), each.bytes] for each in answered], float).reshape(-1, 2)

    @classmethod
    def conclude(cls, sums: Numbers) -> Numbers:
        """Return bits for each byte."""
        return divide(sums[..., 0], sums[..., 1])
