"""TIES: trim each delta, elect a sign for each number, average what agrees (Yadav et al. 2023, arXiv:2306.01708)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from studio.merging.sparse import elect, trim
from studio.merging.way import Sparse

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Ties(Sparse):
    """Keeps each parent's largest changes, and only those that agree in their sign."""

    name: ClassVar[str] = "ties"
    title: ClassVar[str] = "TIES"
    position: ClassVar[int] = 3
    summary: ClassVar[str] = "Keeps the largest changes of each parent, and where signs differ only the stronger side."
    when: ClassVar[str] = (
        "For several fully tuned models that pull apart: of four on this studio's samples it kept a third more than "
        "their average. For LoRA adapters it is no better than an average, in the literature and here."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2306.01708"

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the mean of what agrees."""
        return elect([trim(delta, self.density) * weight for delta, weight in zip(deltas, weights, strict=True)])
