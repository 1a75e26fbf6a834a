"""Meeting: how the changes of two parents lie to each other, weight by weight, before or while they are merged.

Of plain LoRA adapters the cosine is exact without multiplying them out, and the signs are counted in some rows of each
weight; of anything else both are of all its numbers, and told while merging. Imports torch inside its functions.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.merges import Meeting
from studio.merging.deltas import Pair, read_pairs
from studio.models.libraries import import_libraries

if TYPE_CHECKING:
    from torch import Tensor

MOST_ROWS = 256
"""In so many rows of a weight the signs are counted, evenly from its first to its last."""


def meet(name: str, deltas: "Sequence[Tensor]") -> Iterator[Meeting]:
    """Yield how each two parents' changes of a weight lie to each other, of all numbers."""
    for first, second in combinations(deltas, 2):
        sizes = float(first.norm() * second.norm())
        yield _tell(name, float((first * second).sum()), sizes, first, second, rows=0)


def meet_pairs(name: str, pairs: Sequence[Pair]) -> Iterator[Meeting]:
    """Yield the same of plain LoRA: <s B A, t D C> is s t times the sum of (B'D) * (A C'), two small matrices."""
    sizes = [max(0.0, multiply(pair, pair)) ** 0.5 for pair in pairs]
    some = [multiply_rows(pair) for pair in pairs]
    for one, other in combinations(range(len(pairs)), 2):
        inner, rows = multiply(pairs[one], pairs[other]), len(some[one])
        told = rows if rows < len(pairs[one].b) else 0
        yield _tell(name, inner, sizes[one] * sizes[other], some[one], some[other], told)


def _tell(name: str, inner: float, sizes: float, first: "Tensor", second: "Tensor", rows: int) -> Meeting:
    both = (first != 0) & (second != 0)
    opposite = float(((first * second < 0) & both).sum()) / max(1, int(both.sum()))
    cosine = inner / sizes if sizes else 0.0
    return Meeting(weight=name, cosine=round(cosine, 4), opposite=round(opposite, 4), rows=rows)


def meet_adapters(stacks: Sequence[Stack]) -> list[Meeting] | None:
    """Return how models lie to each other where both change a weight; None where one is no plain LoRA."""
    import_libraries()
    parents = [read_pairs(stack) for stack in stacks]
    if any(parent is None for parent in parents):
        return None
    pairs = [parent for parent in parents if parent]
    names = dict.fromkeys(name for parent in pairs for name in parent)
    found = ((name, [parent[name] for parent in pairs if name in parent]) for name in names)
    return [meeting for name, both in found for meeting in meet_pairs(name, both)]


def multiply(one: Pair, other: Pair) -> float:
    """Return the sum of the products of what two pairs add, number by number."""
    outer, inner = one.b.double().T @ other.b.double(), one.a.double() @ other.a.double().T
    return float((outer * inner).sum()) * one.scale * other.scale


def multiply_rows(pair: Pair) -> "Tensor":
    """Return some rows of what a pair adds, from its first to its last."""
    last, count = len(pair.b) - 1, min(len(pair.b), MOST_ROWS)
    rows = [place * last // max(1, count - 1) for place in range(count)]
    return pair.scale * (pair.b[rows].float() @ pair.a.float())
