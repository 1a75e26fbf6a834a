"""Labels in doubt: what a small classifier, which has learnt from the other instances, would have labelled otherwise.

Each fifth of the instances is judged by ridge regression on the letters of the others' texts, so no instance is judged
by what was learnt from it. One is in doubt where another label is as likely for it as for those that bear that label
(Northcutt et al. 2021, "Confident Learning", arXiv:1911.00068). Knows texts, labels and numpy; no language model.
"""

import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.tasks.quality.labels import count_labels, read_label
from studio.tasks.task import Task

MOST_INSTANCES = 4_000
"""The kernel of more would not fit a small computer's memory."""
LEAST_AGREED = 0.6
"""The share of all instances whose label the classifier must find by itself before its doubts mean anything."""
_FOLDS, _RIDGE = 5, 0.3
_WIDTH = 2**13
_SHORTEST, _LONGEST = 2, 4
_MOST_LETTERS = 600
_Array = NDArray[np.float32]


class Doubt(NamedTuple):
    """An instance whose label is in doubt: its place, the label it bears, a likelier one, by how much likelier."""

    place: int
    label: str
    likelier: str
    margin: float


class Doubts(NamedTuple):
    """The doubts, the strongest first, and which share of all labels the classifier found by itself (0 to 1)."""

    agreed: float
    found: tuple[Doubt, ...] = ()


def find_doubts(task: Task) -> Doubts | None:
    """Return the labels of a task that are in doubt; None for a task without labels, a small or a huge one."""
    spellings = {read_label(label): label for label in count_labels(task)}
    labels = [
        spellings.get(read_label(instance.output[0]), "") if instance.output else "" for instance in task.instances
    ]
    if not 4 * _FOLDS <= len(labels) <= MOST_INSTANCES or len(spellings) < 2 or "" in labels:
        return None
    return judge([instance.key or instance.input for instance in task.instances], labels)


def judge(texts: Sequence[str], labels: Sequence[str]) -> Doubts:
    """Return which of the texts' labels are in doubt; none where the texts don't tell the labels."""
    names = sorted(set(labels))
    given = np.array([names.index(label) for label in labels])
    scores = _score_by_fold(_count_letters(texts), given, len(names))
    places = np.arange(len(given))
    agreed = float((_find_largest(scores) == given).mean())
    if agreed < LEAST_AGREED:
        return Doubts(agreed)
    usual = np.array([scores[given == name, name].mean() for name in range(len(names))])
    above = scores - usual
    above[places, given] = -np.inf
    likelier = _find_largest(above)
    margins = scores[places, likelier] - scores[places, given]
    doubted = (above[places, likelier] >= -0.15) & (margins > 0)
    order = sorted(np.flatnonzero(doubted).tolist(), key=lambda place: -margins[place])
    return Doubts(
        agreed,
        tuple(Doubt(place, labels[place], names[likelier[place]], round(float(margins[place]), 3)) for place in order),
    )


def _find_largest(scores: _Array) -> NDArray[np.int64]:
    """Return for each text the label that is likeliest."""
    return np.argsort(-scores, axis=1, kind="stable")[:, 0]


def _score_by_fold(vectors: _Array, given: NDArray[np.int64], count: int) -> _Array:
    """Return how likely each label is for each text, learnt from the other folds: about 1 for its own, 0 for others."""
    folds = np.random.default_rng(0).permutation(len(given)) % _FOLDS
    kernel = vectors @ vectors.T
    wanted = np.eye(count, dtype=np.float32)[given]
    scores = np.zeros_like(wanted)
    for fold in range(_FOLDS):
        others, own = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        inner = kernel[np.ix_(others, others)] + _RIDGE * np.eye(len(others), dtype=np.float32)
        mean = wanted[others].mean(0)
        scores[own] = kernel[np.ix_(own, others)] @ np.linalg.solve(inner, wanted[others] - mean) + mean
    return scores


def _count_letters(texts: Sequence[str]) -> _Array:
    """Return a row a text: how often it has each run of two to four letters, rare ones weighing more; of length 1."""
    counts = np.zeros((len(texts), _WIDTH), dtype=np.float32)
    for place, text in enumerate(texts):
        words = re.sub(r"[\W_]+", " ", text.casefold()[:_MOST_LETTERS]).strip()
        plain = f" {words} "
        for length in range(_SHORTEST, _LONGEST + 1):
            for at in range(len(plain) - length + 1):
                counts[place, zlib.crc32(plain[at : at + length].encode()) % _WIDTH] += 1
    counts = np.log1p(counts)
    there = (counts > 0).sum(0)
    counts *= np.log((1 + len(texts)) / (1 + there))
    lengths = np.linalg.norm(counts, axis=1, keepdims=True)
    return counts / np.maximum(lengths, 1e-9)
