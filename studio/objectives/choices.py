"""Choices: the texts that a model may answer with, and how it chooses among them by where it puts a question.

Numbers and texts in one safetensors file of a checkpoint, and no code. Knows no model: somebody else embeds texts.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from studio.errors import ModelError, first_line
from studio.models.weights_file import read_header

FILE = "choices.safetensors"
"""Where they are kept in a checkpoint."""
Vectors = NDArray[Any]
"""Where a model puts texts (texts x width)."""


class Choices(NamedTuple):
    """Each of the `texts` has a score: the product of its `weights` (texts x width) and a vector, and its `bias`.

    Before that a vector is moved by `middle` and divided by `scale` (width), and made 1 long where `turns_only`.
    """

    texts: tuple[str, ...]
    weights: Vectors
    bias: Vectors
    middle: Vectors
    scale: Vectors
    turns_only: bool = False

    def weigh(self, vectors: Vectors) -> Vectors:
        """Return the score of each text for each vector (vectors x texts)."""
        moved = (vectors - self.middle) / self.scale
        if self.turns_only:
            moved = make_unit(moved)
        scores: Vectors = moved @ self.weights.T + self.bias
        return scores

    def rank(self, vectors: Vectors, most: int) -> list[list[int]]:
        """Return the places of the texts with the highest scores, the best first, for each vector."""
        order: list[list[int]] = np.argsort(-self.weigh(vectors), axis=1, kind="stable")[:, :most].tolist()
        return order

    def choose(self, vectors: Vectors) -> list[str]:
        """Return the text with the highest score for each vector."""
        return [self.texts[best] for (best,) in self.rank(vectors, 1)]


def make_unit(vectors: Vectors) -> Vectors:
    """Return vectors that are 1 long; one of length 0 stays as it is."""
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, 1e-12)
    return unit


def fit_classes(vectors: Vectors, texts: Sequence[str]) -> Choices:
    """Return the choices of a logistic regression on vectors, each standardised, that are of the class `texts` say.

    It is scikit-learn's, as SetFit's own head is. There must be two classes or more.
    """
    from sklearn.linear_model import LogisticRegression

    middle, scale = vectors.mean(axis=0), vectors.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0).astype(np.float32)
    head = LogisticRegression(max_iter=1000).fit((vectors - middle) / scale, list(texts))
    weights, bias = head.coef_, head.intercept_
    if len(weights) == 1:  # of two classes, it is the second's against the first's
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    weights, bias, middle = (np.asarray(one, dtype=np.float32) for one in (weights, bias, middle))
    return Choices(tuple(map(str, head.classes_)), weights, bias, middle, scale)


def fit_beside(tuned: Vectors, frozen: Vectors, texts: Sequence[str]) -> Choices:
    """Return the choices on vectors of a tuned model with those of its start beside them (texts x twice the width).

    Both have a logistic regression of their own. The start's scores count as much as it is right on texts that were
    left out, one of each class in turn, and the tuned ones' the rest: what a start can do already, tuning on a few
    texts soon spoils.
    """
    share = count_right(frozen, texts)
    new, old = fit_classes(tuned, texts), fit_classes(frozen, texts)
    weights: Vectors = np.concatenate([(1 - share) * new.weights, share * old.weights], axis=1)
    bias: Vectors = (1 - share) * new.bias + share * old.bias
    middle = np.concatenate([new.middle, old.middle])
    scale = np.concatenate([new.scale, old.scale])
    weights, bias = (np.asarray(one, dtype=np.float32) for one in (weights, bias))
    return Choices(new.texts, weights, bias, middle, scale)


def count_right(vectors: Vectors, texts: Sequence[str]) -> float:
    """Return the share of texts whose class is found without them, one of each class being left out at a time.

    A half where nothing can be left out.
    """
    seen: Counter[str] = Counter()
    rounds = np.array([seen.update([text]) or seen[text] for text in texts])
    right, asked = 0, 0
    for number in sorted(set(rounds)):
        kept, left = rounds != number, rounds == number
        if len({text for text, stays in zip(texts, kept, strict=True) if stays}) < 2:
            continue
        choices = fit_classes(vectors[kept], [text for text, stays in zip(texts, kept, strict=True) if stays])
        wanted = [text for text, goes in zip(texts, left, strict=True) if goes]
        right += sum(map(str.__eq__, choices.choose(vectors[left]), wanted))
        asked += len(wanted)
    return right / asked if asked else 0.5


def index_texts(vectors: Vectors, texts: Sequence[str]) -> Choices:
    """Return the choices of which the nearest by its direction is taken."""
    width = vectors.shape[1]
    nothing, one = np.zeros(width, np.float32), np.ones(width, np.float32)
    return Choices(tuple(texts), make_unit(vectors), np.zeros(len(texts), np.float32), nothing, one, turns_only=True)


def save_choices(choices: Choices, folder: Path) -> None:
    """Write them into a checkpoint."""
    numbers = {name: np.ascontiguousarray(value) for name, value in choices._asdict().items() if name in _NUMBERS}
    about = {"texts": json.dumps(choices.texts), "turns_only": json.dumps(choices.turns_only)}
    save_file(numbers, folder / FILE, metadata=about)


def load_choices(folder: Path) -> Choices:
    """Read them from a checkpoint. Raises ModelError in words where they are missing or damaged."""
    try:
        about, kept = read_header(folder / FILE).about, load_file(folder / FILE)
        numbers = {name: kept[name] for name in _NUMBERS}
        return Choices(tuple(json.loads(about["texts"])), **numbers, turns_only=json.loads(about["turns_only"]))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"What this checkpoint chooses among can't be read ({first_line(error)}). Choose an earlier one.",
            field="step",
        ) from error


_NUMBERS = ("weights", "bias", "middle", "scale")
