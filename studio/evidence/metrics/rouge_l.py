"""ROUGE-L, fair to scripts beyond English: the words that answer and reference have in common, in order."""

from collections.abc import Sequence
from typing import ClassVar

from studio.evidence.metrics.matching import measure_rouge_l
from studio.evidence.metrics.metric import Mean


class RougeL(Mean):
    """The mean F-measure of the longest common subsequence of words, the best reference counting (Lin 2004)."""

    name: ClassVar[str] = "rouge_l"
    title: ClassVar[str] = "ROUGE-L"
    says: ClassVar[str] = "How much of a reference's words the answer has in the same order, in any script."
    position: ClassVar[int] = 40

    @classmethod
    def grade(cls, answer: str, references: Sequence[str]) -> float:
        """Return the best F-measure, 0 to 1."""
        return measure_rouge_l(answer, references)
