"""Exact match as Super-NI's scorer has it, its traps included: the number to compare with papers.

-3 equals 3 there, 3.5 equals 35, and ? equals !. Source: allenai/natural-instructions, eval/automatic/evaluation.py.
"""

import string
from collections.abc import Sequence
from typing import ClassVar

from studio.evidence.metrics.metric import Mean

_PUNCTUATION = frozenset(string.punctuation)


class OfficialExactMatch(Mean):
    """The share of answers that equal a reference, lower-cased, without ASCII punctuation, white space folded."""

    name: ClassVar[str] = "official_exact_match"
    title: ClassVar[str] = "Exact match (Super-NI)"
    says: ClassVar[str] = "As the official scorer gives it: punctuation is dropped, even the sign of a number."
    counts: ClassVar[bool] = True
    official: ClassVar[bool] = True
    position: ClassVar[int] = 60

    @classmethod
    def grade(cls, answer: str, references: Sequence[str]) -> float:
        """Return 1 or 0."""
        return float(any(_normalise(answer) == _normalise(reference) for reference in references))


def _normalise(text: str) -> str:
    return " ".join("".join(letter for letter in text.lower() if letter not in _PUNCTUATION).split())
