"""Way: how deltas become one. The head of the family; one file each.

A way gets the parents' deltas of one weight at a time, so memory stays flat, and knows nothing of models. Each
promises: one parent at weight 1 gives itself back, at 0 nothing; +1 and -1 cancel; the order doesn't matter.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.plugins import Plugin

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Way(Plugin):
    """A way of merging: what it does, when to choose it, and the paper it comes from."""

    summary: ClassVar[str]
    when: ClassVar[str]
    paper: ClassVar[str]
    parents: ClassVar[int | None] = None
    """So many it needs, where it isn't free."""

    @abstractmethod
    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return one delta of those of the parents, all of one shape, in 32 bits.

        `dice` are random numbers of each parent's own for this weight, the same whatever stands beside it.
        """

    def find_factors(self, weights: Sequence[float]) -> list[float] | None:
        """Return by what each delta is multiplied where the way is a plain sum, None where it isn't."""
        return None


class Sparse(Way):
    """A way that leaves a part of each delta out."""

    density: float = Field(
        0.5, gt=0, le=1, title="Density", description="The share of each parent's changes that is kept."
    )


def add_up(deltas: "Sequence[Tensor]", weights: Sequence[float]) -> "Tensor":
    """Return the weighted sum."""
    total = deltas[0] * weights[0]
    for delta, weight in zip(deltas[1:], weights[1:], strict=True):
        total = total + delta * weight
    return total
