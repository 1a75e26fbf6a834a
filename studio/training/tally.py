"""What an objective measures in batch after batch, kept until somebody asks for the means.

Knows no objective: names come with their numbers. Nothing waits for a graphics card before it is asked.
"""

import torch

from studio.objectives.logprobs import Measured, Ratio


class Tally:
    """The sums of measures, and of what each is a share of: how many numbers, or what an objective says."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, torch.Tensor | int] = {}

    def add(self, measures: Measured) -> None:
        """Add what was measured of one batch, a number for each of its tokens or examples, or a ratio."""
        for name, found in measures.items():
            values, count = (found.total, found.of.sum()) if isinstance(found, Ratio) else (found, found.numel())
            self._sums[name] = self._sums.get(name, 0) + values.detach().float().sum()
            self._counts[name] = self._counts.get(name, 0) + count

    def take(self) -> dict[str, float]:
        """Return the means since they were last taken, and start again."""
        counted = ((name, float(total), float(self._counts[name])) for name, total in self._sums.items())
        means = {name: round(total / count, 5) for name, total, count in counted if count}
        self._sums, self._counts = {}, {}
        return means
