"""Exact match, fair to numbers, symbols and scripts: what the studio calls right."""

from collections.abc import Sequence
from typing import ClassVar

from studio.evidence.metrics.matching import match_exactly
from studio.evidence.metrics.metric import Mean


class ExactMatch(Mean):
    """The share of answers that equal a reference."""

    name: ClassVar[str] = "exact_match"
    title: ClassVar[str] = "Exact match"
    says: ClassVar[str] = "Equal to a reference, case, punctuation and white space aside; -3 is not 3, ? is not !."
    counts: ClassVar[bool] = True
    position: ClassVar[int] = 10

    @classmethod
    def grade(cls, answer: str, references: Sequence[str]) -> float:
        """Return 1 for an answer that is right, else 0."""
        return float(match_exactly(answer, references))
