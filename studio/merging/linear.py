"""Linear: the weighted average of deltas, as of the weights themselves (Wortsman et al. 2022, arXiv:2203.05482)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from studio.merging.way import Way, add_up

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Linear(Way):
    """The average: weights say how much each parent counts, not how strongly it is applied."""

    name: ClassVar[str] = "linear"
    title: ClassVar[str] = "Average"
    position: ClassVar[int] = 2
    summary: ClassVar[str] = "Averages the parents, each by its weight: a model soup."
    when: ClassVar[str] = "For runs of one task that differ in seed or settings; of several tasks each becomes weaker."
    paper: ClassVar[str] = "https://arxiv.org/abs/2203.05482"

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the sum over the sum of the weights' sizes."""
        return add_up(deltas, self.find_factors(weights))

    def find_factors(self, weights: Sequence[float]) -> list[float]:
        """Each weight's share of all; nothing where all are 0."""
        total = sum(map(abs, weights)) or 1.0
        return [weight / total for weight in weights]
