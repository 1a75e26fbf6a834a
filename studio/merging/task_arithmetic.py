"""Task arithmetic: the weighted sum of deltas (Ilharco et al. 2023, arXiv:2212.04089)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from studio.merging.way import Way, add_up

if TYPE_CHECKING:
    from torch import Generator, Tensor


class TaskArithmetic(Way):
    """Adds what each parent learnt, times its weight."""

    name: ClassVar[str] = "task_arithmetic"
    title: ClassVar[str] = "Task arithmetic"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "Adds the changes of all parents, each times its weight. A negative weight forgets."
    when: ClassVar[str] = "First; begin at 0.7 each and look at the scores. Sums that are too large break the model."
    paper: ClassVar[str] = "https://arxiv.org/abs/2212.04089"

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the weighted sum."""
        return add_up(deltas, weights)

    def find_factors(self, weights: Sequence[float]) -> list[float] | None:
        """The weights are the factors."""
        return list(weights)
