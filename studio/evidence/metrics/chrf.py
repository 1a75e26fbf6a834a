"""chrF: short runs of letters in common, for translations and where words are hard to tell apart (Popovic 2015)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from studio.evidence.metrics.matching import drop_thoughts
from studio.evidence.metrics.metric import Mean


class ChrF(Mean):
    """The mean chrF2 of the answers, by sacrebleu's defaults, the best reference counting.

    A mean over sentences, so that its interval can be told; papers give that of the whole text, some tenths beside it.
    """

    name: ClassVar[str] = "chrf"
    title: ClassVar[str] = "chrF"
    says: ClassVar[str] = (
        "How many short runs of letters the answer has in common with a reference; usual for translations."
    )
    position: ClassVar[int] = 50

    @classmethod
    def grade(cls, answer: str, references: Sequence[str]) -> float:
        """Return the best chrF2, 0 to 1."""
        said = [drop_thoughts(answer, reference) for reference in references]
        grades = [_scorer().sentence_score(one, [other]).score for one, other in zip(said, references, strict=True)]
        return float(max(grades)) / 100


@lru_cache
def _scorer() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()
