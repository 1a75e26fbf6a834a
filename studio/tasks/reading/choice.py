"""A question with answers to choose from: how they are written for the model, and which of them a number means.

Knows lists of texts and ARC's lists of texts with their labels. Knows no rows.
"""

import json
import re
import string
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from studio.tasks.written_turn import flatten

NAMES = (
    "choices",
    "options",
    "endings",
    "candidates",
    "alternatives",
    "multiple_choice",
    "answer_choices",
    "mc_answers",
)


class Choices(NamedTuple):
    """The answers to choose from, and what each is called."""

    labels: tuple[str, ...]
    texts: tuple[str, ...]

    def __str__(self) -> str:
        """One a line: `A. Oslo`."""
        return "\n".join(f"{label}. {text}" for label, text in zip(self.labels, self.texts, strict=True))

    def name_answer(self, answer: Any, first: int) -> str | None:
        """Return the label of the choice that a number means, counted from `first`; None if it means none."""
        if isinstance(answer, str) and answer.strip().isdigit() and answer.strip() not in {*self.labels, *self.texts}:
            answer = int(answer)
        if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer - first < len(self.texts):
            return None
        return self.labels[answer - first]


def read_choices(column: str, value: Any) -> Choices | None:
    """Return the choices that a column holds; None if it holds none."""
    if not isinstance(value, dict | list) and not (isinstance(value, str) and value[:1] == "["):
        return None
    if isinstance(value, dict):
        texts: Any = value.get("text", value.get("texts"))
        labels: Any = value.get("label", value.get("labels"))
        if _are_texts(texts) and _are_texts(labels) and len(texts) == len(labels):
            return Choices(tuple(map(str, labels)), tuple(map(str, texts)))
        lettered = len(value) > 1 and all(re.fullmatch("[A-Za-z0-9]", str(key)) for key in value)
        if lettered and _are_texts(list(value.values())):
            return Choices(tuple(value), tuple(map(str, value.values())))
        return None
    if flatten(column.rpartition(".")[2]) not in NAMES:
        return None
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not _are_texts(value) or not 2 <= len(value) <= len(string.ascii_uppercase):
        return None
    return Choices(tuple(string.ascii_uppercase[: len(value)]), tuple(map(str, value)))


def find_first(pairs: Iterable[tuple[Choices, Any]]) -> int:
    """Return whether answers are counted from 0 or from 1: from 1 where 0 never occurs and the last number does."""
    found = [(answer, len(choices.texts)) for choices, answer in pairs if _is_number(answer)]
    numbers = [(int(answer), count) for answer, count in found]
    return int(not any(n == 0 for n, _ in numbers) and any(n == count for n, count in numbers))


def _is_number(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.strip().isdigit()
    )


def _are_texts(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value)
    )
