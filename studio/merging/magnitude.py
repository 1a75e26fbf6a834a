"""Magnitude pruning: keep each parent's largest changes, and add them (Han et al. 2015, arXiv:1506.02626)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from studio.merging.sparse import trim
from studio.merging.way import Sparse, add_up

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Magnitude(Sparse):
    """The sum of what is left of each parent when its small changes are gone."""

    name: ClassVar[str] = "magnitude"
    title: ClassVar[str] = "Magnitude pruning"
    position: ClassVar[int] = 6
    summary: ClassVar[str] = "Drops the smallest changes of each parent, then adds."
    when: ClassVar[str] = "To see how few of its changes a model needs: one parent, and a density that falls."
    paper: ClassVar[str] = "https://arxiv.org/abs/1506.02626"

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the weighted sum of the largest."""
        return add_up([trim(delta, self.density) for delta in deltas], weights)
