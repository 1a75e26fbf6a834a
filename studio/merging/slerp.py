"""SLERP: from one parent to the other on a curve that keeps their size (Shoemake 1985, doi:10.1145/325165.325242)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from studio.merging.way import Way

if TYPE_CHECKING:
    from torch import Generator, Tensor

STRAIGHT = 1e-4
"""Nearer to one line than this, in the sine of the angle, two directions have no curve between them."""


class Slerp(Way):
    """Between two parents; the ratio of the weights says where, their signs which way each points."""

    name: ClassVar[str] = "slerp"
    title: ClassVar[str] = "SLERP"
    position: ClassVar[int] = 7
    summary: ClassVar[str] = "Goes from one parent to the other on a curve: an average that doesn't shrink the changes."
    when: ClassVar[str] = "For two parents whose average is too weak."
    paper: ClassVar[str] = "https://doi.org/10.1145/325165.325242"
    parents: ClassVar[int | None] = 2

    def combine(self, deltas: "Sequence[Tensor]", weights: Sequence[float], dice: "Sequence[Generator]") -> "Tensor":
        """Return the point of the curve; of a line, where the two have none."""
        import torch

        total = sum(map(abs, weights))
        first, second = (delta if weight >= 0 else -delta for delta, weight in zip(deltas, weights, strict=True))
        if not total:
            return torch.zeros_like(first)
        part = abs(weights[1]) / total
        sizes = first.norm() * second.norm()
        cosine = ((first * second).sum() / sizes).clamp(-1, 1) if sizes else torch.tensor(1.0)
        angle = torch.acos(cosine)
        if torch.sin(angle) < STRAIGHT:
            return (1 - part) * first + part * second
        return (torch.sin((1 - part) * angle) * first + torch.sin(part * angle) * second) / torch.sin(angle)
