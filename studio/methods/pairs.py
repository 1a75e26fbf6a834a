"""Which method goes with which precision, and why not where not: one cell for each pair.

The reasons are the methods' own; a test trains every pair that is offered and breaks on every one that is not.
"""

from typing import NamedTuple

from studio.methods import METHODS
from studio.precisions import PRECISIONS


class MethodPair(NamedTuple):
    """A method on a base stored in a precision, by their names; `refusal` says in words why it can't train."""

    method: str
    precision: str
    refusal: str | None


def list_pairs() -> list[MethodPair]:
    """Return every pair of a method, as it is by default, and a precision: method by method, each in all precisions."""
    return [
        MethodPair(method, precision, METHODS.read(method).refuses(PRECISIONS.read(precision)))
        for method in METHODS.members
        for precision in PRECISIONS.members
    ]
