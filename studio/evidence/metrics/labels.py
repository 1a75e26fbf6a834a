"""Labels: which of a task's labels an answer names, and which was taken for which.

An answer names a label if it is that label, or if it is the only one that is whole in it ("The review is
positive."). One that names none or several names none.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.evidence.metrics.matching import drop_thoughts, match_exactly
from studio.evidence.metrics.metric import Answered, Numbers

OTHER = ""
"""What an answer names that names no label."""


def find_label(answer: str, labels: Sequence[str]) -> str:
    """Return the label that an answer names, OTHER if there is none."""
    said = drop_thoughts(answer, "")
    for label in labels:
        if match_exactly(said, [label]):
            return label
    left, named = said.casefold(), set[str]()
    for label in sorted(labels, key=len, reverse=True):  # "not funny" before "funny"
        whole = rf"(?<!\w){re.escape(label.casefold())}(?!\w)"
        if label.strip() and re.search(whole, left):
            named.add(label)
            left = re.sub(whole, "\n", left)
    return named.pop() if len(named) == 1 else OTHER


def find_wanted_label(each: Answered, labels: Sequence[str]) -> str:
    """Return the label that is wanted: the one that was named where it is among the references, else the first."""
    wanted = [label for reference in each.references if (label := find_label(reference, labels)) != OTHER]
    named = find_label(each.answer, labels)
    return named if named in wanted else (wanted or [OTHER])[0]


class Confusion(NamedTuple):
    """How often each wanted label (rows) was answered with each (columns; the last is none of them)."""

    labels: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def f1(self) -> list[float | None]:
        """F1 of each label in percent, None where it is never wanted."""
        taken = self.counts[:, :-1]
        hits, wanted, named = np.diag(taken), self.counts.sum(axis=1), taken.sum(axis=0)
        found: list[tuple[int, int, int]] = list(zip(hits.tolist(), wanted.tolist(), named.tolist(), strict=True))
        return [100 * 2 * hit / (want + name) if want else None for hit, want, name in found]


def count_confusion(answered: Sequence[Answered], labels: Sequence[str]) -> Confusion:
    """Return which label was taken for which; instances whose reference is no label are left out."""
    counts = np.zeros((len(labels), len(labels) + 1), dtype=np.int64)
    places = {label: place for place, label in enumerate(labels)}
    for each in answered:
        wanted = find_wanted_label(each, labels)
        if wanted != OTHER:
            counts[places[wanted], places.get(find_label(each.answer, labels), len(labels))] += 1
    return Confusion(tuple(labels), counts)


def tally_labels(answered: Sequence[Answered], labels: Sequence[str]) -> Numbers:
    """Return for each instance and label: a hit, wanted, named (instances x 3 labels)."""
    tallies = np.zeros((len(answered), 3, len(labels)))
    for row, each in enumerate(answered):
        wanted, named = find_wanted_label(each, labels), find_label(each.answer, labels)
        for place, label in enumerate(labels):
            is_wanted = label == wanted
            is_named = label == named and wanted != OTHER
            tallies[row, :, place] = is_wanted and is_named, is_wanted, is_named
    return tallies.reshape(len(answered), 3 * len(labels))
