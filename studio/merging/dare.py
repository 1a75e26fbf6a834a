"""DARE: drop changes at random, make the rest larger, and add (Yu et al. 2024, arXiv:2311.03099)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.merging.sparse import drop, elect
from studio.merging.way import Sparse, add_up

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Dare(Sparse):
    """Leaves most changes out by chance, so that parents meet less often."""

    name: ClassVar[str] = "dare"
    title: ClassVar[str] = "DARE"
    position: ClassVar[int] = 4
    summary: ClassVar[str] = (
        "Drops changes at random and makes the others larger, then adds. Another seed, another model."
    )
    when: ClassVar[str] = "For large, fully tuned models, whose many small changes can be spared."
    paper: ClassVar[str] = "https://arxiv.org/abs/2311.03099"

    seed: int = Field(0, ge=0, le=2**32 - 1, title="Seed", description="The same seed drops the same changes.")

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the weighted sum of what is left."""
        return add_up([drop(delta, self.density, own) for delta, own in zip(deltas, dice, strict=True)], weights)


class DareTies(Dare):
    """DARE's dropping, then TIES' signs."""

    name: ClassVar[str] = "dare_ties"
    title: ClassVar[str] = "DARE with TIES"
    position: ClassVar[int] = 5
    summary: ClassVar[str] = "Drops changes at random, then keeps those that agree in their sign."

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the mean of what is left and agrees."""
        left = (drop(delta, self.density, own) for delta, own in zip(deltas, dice, strict=True))
        return elect([delta * weight for delta, weight in zip(left, weights, strict=True)])
