"""Meeting: how the changes of two parents lie to each other, weight by weight, before or while they are merged.

Of plain LoRA adapters it is read in a moment from some rows of each weight; of anything else while merging. Imports
torch inside its functions.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from studio.checkpoints.merges import Meeting
from studio.merging.deltas import Pair, read_pairs
from studio.models.libraries import import_libraries

if TYPE_CHECKING:
    from torch import Tensor

MOST_ROWS = 256
"""So many rows of a weight tell how its changes lie; a larger one need not be multiplied out."""


def meet(name: str, deltas: "Sequence[Tensor]") -> Iterator[Meeting]:
    """Yield how each two parents' changes of a weight lie to each other."""
    for first, second in combinations(deltas, 2):
        sizes = float(first.norm() * second.norm())
        both = (first != 0) & (second != 0)
        against = float(((first * second < 0) & both).sum())
        cosine = float((first * second).sum()) / sizes if sizes else 0.0
        yield Meeting(weight=name, cosine=round(cosine, 4), opposite=round(against / max(1, int(both.sum())), 4))


def meet_adapters(folders: Sequence[Path]) -> list[Meeting] | None:
    """Return how adapters lie to each other where both change a weight; None where one is no plain LoRA."""
    import_libraries()
    parents = [read_pairs(folder) for folder in folders]
    if any(parent is None for parent in parents):
        return None
    pairs = [parent for parent in parents if parent]
    names = dict.fromkeys(name for parent in pairs for name in parent)
    found = ((name, [parent[name] for parent in pairs if name in parent]) for name in names)
    return [meeting for name, both in found for meeting in meet(name, [multiply_rows(pair) for pair in both])]


def multiply_rows(pair: Pair) -> "Tensor":
    """Return some rows of what a pair adds, from its first to its last."""
    last, count = len(pair.b) - 1, min(len(pair.b), MOST_ROWS)
    rows = [place * last // max(1, count - 1) for place in range(count)]
    return pair.scale * (pair.b[rows].float() @ pair.a.float())
