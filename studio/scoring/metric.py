"""Metrics of one answer against its references, as Natural Instructions scores them: the best reference counts.

Exact match lower-cases, drops ASCII punctuation and folds white space; ROUGE-L is rouge-score's, stemmed F-measure.
Where that normalisation leaves nothing of the reference (a symbol, a non-Latin text), the raw texts are compared.
Source: allenai/natural-instructions, eval/automatic/evaluation.py; Lin 2004.
"""

import string
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def match_exactly(answer: str, references: Iterable[str]) -> bool:
    """Whether the answer equals a reference, case, punctuation and white space aside."""
    return any(_same(answer, reference) for reference in references)


def measure_rouge_l(answer: str, references: Iterable[str]) -> float:
    """Return the best ROUGE-L F-measure, 0 to 1."""
    return max(float(_scorer().score(reference, answer)["rougeL"].fmeasure) for reference in references)


def _same(answer: str, reference: str) -> bool:
    wanted = _normalise(reference)
    return _normalise(answer) == wanted if wanted else answer.strip() == reference.strip()


def _normalise(text: str) -> str:
    return " ".join(text.lower().translate(_PUNCTUATION).split())


@lru_cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True)
