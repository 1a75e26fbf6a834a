"""Whether one answer is right, and how near it comes: what the studio itself goes by. The best reference counts.

Exact match lower-cases, drops ASCII punctuation and folds white space; ROUGE-L is rouge-score's, stemmed F-measure.
Where that would call different things the same, or a perfect answer wrong, it is put right: the sign and the point of a
number stay (-3 is not 3, 3.5 is not 35), symbols are compared as they are, and a text with letters beyond English is
cut into words by what Unicode says of them (the original sees no word in Chinese, and "f" and "r" in "für").
Source: allenai/natural-instructions, eval/automatic/evaluation.py; Lin 2004.
"""

import re
import string
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_PUNCTUATION = frozenset(string.punctuation)
_THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(,\d{3})+(?![\w,])")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of the scripts that put no space between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


def match_exactly(answer: str, references: Iterable[str]) -> bool:
    """Whether the answer equals a reference, case, punctuation and white space aside."""
    return any(_same(drop_thoughts(answer, reference), reference) for reference in references)


def drop_thoughts(answer: str, reference: str) -> str:
    """Return what is said after a block of thoughts, where the reference has none."""
    return answer if "</think>" in reference else answer.rpartition("</think>")[2]


def measure_rouge_l(answer: str, references: Iterable[str]) -> float:
    """Return the best ROUGE-L F-measure, 0 to 1; a reference without any word counts only when it is met exactly."""
    return max(_measure(drop_thoughts(answer, reference), reference) for reference in references)


def _same(answer: str, reference: str) -> bool:
    wanted = _normalise(reference)
    return _normalise(answer) == wanted if wanted else answer.strip() == reference.strip()


def _normalise(text: str) -> str:
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), unicodedata.normalize("NFC", text).lower())
    kept = (letter for place, letter in enumerate(text) if letter not in _PUNCTUATION or _is_in_number(text, place))
    return " ".join("".join(kept).split())


def _is_in_number(text: str, place: int) -> bool:
    """Whether a mark is between two digits, or is the sign or the point that begins a number."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    begins = text[place] in "-." and not before.isalnum()
    return (after.isdigit() and (before.isdigit() or begins)) or (
        text[place] == "-" and begins and after == "." and text[place + 2 : place + 3].isdigit()
    )


def _measure(answer: str, reference: str) -> float:
    beyond_english = any(letter.isalpha() and not letter.isascii() for letter in reference)
    if not (cut_words(reference) if beyond_english else re.search("[a-z0-9]", reference.lower())):
        return float(answer.strip() == reference.strip())
    return float(_scorer(beyond_english).score(reference, answer)["rougeL"].fmeasure)


def cut_words(text: str) -> list[str]:
    """Return the words of a text in any script, lower-cased; each letter is a word where words aren't spaced."""
    words: list[str] = []
    is_open = False
    for letter in unicodedata.normalize("NFC", text.lower()):
        kind = unicodedata.category(letter)[0]
        if kind not in "LNM":
            is_open = False
            continue
        is_alone = kind != "M" and bool(_SPACELESS.match(letter))
        if words and (kind == "M" or (is_open and not is_alone)):
            words[-1] += letter
        else:
            words.append(letter)
        is_open = not is_alone and (kind != "M" or is_open)
    return words


class _Words:
    """The tokenizer that rouge-score asks."""

    def tokenize(self, text: str) -> list[str]:
        return cut_words(text)


@lru_cache
def _scorer(beyond_english: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True, tokenizer=_Words() if beyond_english else None)
