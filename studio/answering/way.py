"""The ways in which a model is read and answers, the fastest that was tried on the text itself and changed nothing.

Knows the order of the ways and how far rounding may move logits; what is tried, and against which truth, is said by
who tries.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from studio.errors import first_line
from studio.models.device import is_out_of_memory

ROUNDING = {"float32": 1e-3}
MORE_ROUNDING = 0.05
"""How far rounding, in 32 bits and in fewer, may move logits, relative to them."""


class Way(NamedTuple):
    """Several rows in one batch, or each alone; from a cache, or reading everything again for each token."""

    together: bool
    cached: bool


WAYS = (Way(True, True), Way(False, True), Way(True, False), Way(False, False))
"""The fastest first; the last is the truth."""


def find_rounding(model: Any) -> float:
    """Return how far rounding may move the logits of a model."""
    return ROUNDING.get(str(model.dtype).removeprefix("torch."), MORE_ROUNDING)


def tell_distance(distance: float, rounding: float) -> str:
    """Return "" where rounding alone explains a distance, else what is wrong; what is no number is wrong."""
    return "" if distance <= rounding else f"moves the logits by {100 * distance:.2g} %"


def find_way(ways: Sequence[Way], find_fault: Callable[[Way], str], why: dict[Way, str]) -> Way:
    """Return the first of `ways` in which no fault is found; the last is the truth and is not tried.

    Notes in `why` what is wrong with each that was tried. A way that breaks is a way not to go, but for want of memory.
    """
    for way in ways[:-1]:
        try:
            why[way] = find_fault(way)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            why[way] = first_line(error)
        if not why[way]:
            return way
    return ways[-1]
