"""What an objective measures in batch after batch, kept until somebody asks for the means.

Knows no objective: names come with their numbers. Nothing waits for a graphics card before it is asked.
"""

import torch


class Tally:
    """The sums of measures, and of how many numbers each is."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, measures: dict[str, torch.Tensor]) -> None:
        """Add what was measured of one batch, a number for each of its tokens or examples."""
        for name, values in measures.items():
            self._sums[name] = self._sums.get(name, 0) + values.detach().float().sum()
            self._counts[name] = self._counts.get(name, 0) + values.numel()

    def take(self) -> dict[str, float]:
        """Return the means since they were last taken, and start again."""
        means = {name: round(float(total) / max(1, self._counts[name]), 5) for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means
