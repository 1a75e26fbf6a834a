"""Flips: which instances one checkpoint gets right and another doesn't, and where two answers differ. Knows values."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

Fate = Literal["better", "worse", "stayed wrong", "stayed right"]
FATES: tuple[Fate, ...] = ("better", "worse", "stayed wrong", "stayed right")

Run = tuple[str, bool]
"""Some text, and whether the other answer hasn't it."""


class Flip(BaseModel, frozen=True):
    """One instance: what two checkpoints answered it, what was wanted, and what became of it."""

    id: str
    fate: Fate
    prompt: str
    before: str
    after: str
    wanted: tuple[str, ...]


def tell_fate(was: float, became: float) -> Fate:
    """Return what became of an instance by what its two answers got, 0 to 1."""
    if was != became:
        return "better" if became > was else "worse"
    return "stayed right" if became >= 1 else "stayed wrong"


def count_fates(fates: Sequence[Fate]) -> dict[Fate, int]:
    """Return how many instances had each fate, none left out."""
    counts = Counter(fates)
    return {fate: counts[fate] for fate in FATES}


def mark_difference(before: str, after: str) -> tuple[list[Run], list[Run]]:
    """Return both texts in runs that are in both or only in one, word by word; joined, they are the texts."""
    old, new = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (before, after))
    was, became = list[Run](), list[Run]()
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        is_other = what != "equal"
        was += [("".join(old[a:b]), is_other)] if b > a else []
        became += [("".join(new[c:d]), is_other)] if d > c else []
    return was, became
