"""Labels in doubt: what a small classifier, which has learnt from the other instances, would have labelled otherwise.

Each tenth of the instances is judged by ridge regression on what the others' texts are: their letters, and where a
model puts them, if one has read them. So no instance is judged by what was learnt from it. One is in doubt where
another label is about as likely for it as for those that bear that label (Northcutt et al. 2021, "Confident Learning",
arXiv:1911.00068). Knows texts, labels, vectors and numpy; who reads the texts is the caller's to choose.
"""

import re
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.tasks.quality.labels import count_labels, read_label
from studio.tasks.task import Task

LEAST_INSTANCES = 20
MOST_INSTANCES = 4_000
"""The kernel of more would not fit a small computer's memory."""
LEAST_AGREED = 0.6
"""The share of all instances whose label the classifier must find by itself before its doubts mean anything."""
_FOLDS, _RIDGE = 10, 1.0
_LESS_LIKELY = 0.25
"""So much less likely than for those that bear it another label may be: of 20 labels that are turned 19 are listed."""
_WIDTH = 2**13
_SHORTEST, _LONGEST = 2, 4
_MOST_LETTERS = 600
_READING = 0.5
"""What a model's vectors count beside letters; as much, or alone, finds fewer of the labels that were turned."""
_Array = NDArray[np.float32]
Reader = Callable[[Sequence[str]], _Array]
"""Returns where a model puts texts (texts x width)."""


class Doubt(NamedTuple):
    """An instance whose label is in doubt: its place, the label it bears, a likelier one, by how much likelier."""

    place: int
    label: str
    likelier: str
    margin: float


class Doubts(NamedTuple):
    """The doubts, the strongest first, and which share of all labels the classifier found by itself (0 to 1).

    `is_read` says whether a model had read the texts.
    """

    agreed: float
    found: tuple[Doubt, ...] = ()
    is_read: bool = False


def find_doubts(task: Task, read: Reader | None = None) -> Doubts | None:
    """Return the labels of a task that are in doubt; None for a task without labels, a small or a huge one.

    `read` lets a model read the texts, which helps where letters don't tell the labels.
    """
    spellings = {read_label(label): label for label in count_labels(task)}
    labels = [
        spellings.get(read_label(instance.output[0]), "") if instance.output else "" for instance in task.instances
    ]
    if not LEAST_INSTANCES <= len(labels) <= MOST_INSTANCES or len(spellings) < 2 or "" in labels:
        return None
    texts = [instance.key or instance.input for instance in task.instances]
    return judge(texts, labels, read(texts) if read else None)


def judge(texts: Sequence[str], labels: Sequence[str], vectors: _Array | None = None) -> Doubts:
    """Return which of the texts' labels are in doubt; none where the texts don't tell the labels."""
    names = sorted(set(labels))
    given = np.array([names.index(label) for label in labels])
    features = _count_letters(texts)
    if vectors is not None:
        features = np.concatenate([features, _READING * _be_of_length_1(vectors - vectors.mean(0))], axis=1)
    scores = _score_by_fold(features, given, len(names))
    places = np.arange(len(given))
    agreed = float((_find_largest(scores) == given).mean())
    if agreed < LEAST_AGREED:
        return Doubts(agreed, is_read=vectors is not None)
    usual = np.array([scores[given == name, name].mean() for name in range(len(names))])
    above = scores - usual
    above[places, given] = -np.inf
    likelier = _find_largest(above)
    margins = scores[places, likelier] - scores[places, given]
    doubted = (above[places, likelier] > -_LESS_LIKELY) & (margins > 0)
    order = sorted(np.flatnonzero(doubted).tolist(), key=lambda place: -margins[place])
    return Doubts(
        agreed,
        tuple(Doubt(place, labels[place], names[likelier[place]], round(float(margins[place]), 3)) for place in order),
        vectors is not None,
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
    return _be_of_length_1(counts)


def _be_of_length_1(rows: _Array) -> _Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
