"""ROUGE-L as Super-NI's scorer calls rouge_score, its traps included: the number to compare with papers.

Its tokenizer keeps a to z and digits only: a perfect Chinese answer gets 0, and "für" is "f" and "r". What upstream
does for its cross-lingual track, GPT-2's tokens in place of words, is not done here. Source:
allenai/natural-instructions, eval/automatic/evaluation.py.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from studio.evidence.metrics.metric import Mean


class OfficialRougeL(Mean):
    """The mean ROUGE-L F-measure, stemmed, the best reference counting; the headline of Super-NI."""

    name: ClassVar[str] = "official_rouge_l"
    title: ClassVar[str] = "ROUGE-L (Super-NI)"
    says: ClassVar[str] = "As the official scorer gives it for English: letters beyond a to z are no words to it."
    official: ClassVar[bool] = True
    position: ClassVar[int] = 70

    @classmethod
    def grade(cls, answer: str, references: Sequence[str]) -> float:
        """Return the best F-measure, 0 to 1."""
        return max(_scorer().score(prediction=answer, target=reference)["rougeL"].fmeasure for reference in references)


@lru_cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True)
