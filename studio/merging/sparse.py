"""What the ways that leave numbers out have in common: trimming the small, dropping some by chance, electing a sign.

Imports torch inside its functions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


def trim(delta: "Tensor", density: float) -> "Tensor":
    """Return a delta of which only the share `density` of largest numbers is left."""
    import torch

    kept = max(1, int(density * delta.numel()))
    if kept == delta.numel():
        return delta
    least = delta.abs().flatten().kthvalue(delta.numel() - kept + 1).values
    return torch.where(delta.abs() >= least, delta, 0.0)


def drop(delta: "Tensor", density: float, dice: "Generator") -> "Tensor":
    """Return a delta of which the share `density`, drawn at random, is left and made larger, so that its mean stays."""
    import torch

    if density == 1:
        return delta
    return delta * (torch.rand(delta.shape, generator=dice) < density) / density


def elect(parts: "Sequence[Tensor]") -> "Tensor":
    """Return the mean of those weighted deltas that have the sign of their sum, number by number; 0 where it has none.

    The sign is elected after weighting, as a negative weight means the opposite.
    """
    import torch

    stack = torch.stack(list(parts))
    agrees = (stack.sign() == stack.sum(0).sign()) & (stack != 0)
    return (stack * agrees).sum(0) / agrees.sum(0).clamp(min=1)
