"""Reward: what an answer is worth by a declared rule. The head of the family; one file each.

A rule is made of fields with bounds, never of anybody's code: a studio that strangers use can keep no interpreter safe.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from studio.plugins import Plugin

MOST_LETTERS = 20_000
"""Of an answer, so many are looked at."""


class Reward(Plugin):
    """One rule, and how much it counts beside others."""

    summary: ClassVar[str]

    weight: float = Field(
        1.0,
        ge=-100,
        le=100,
        title="Weight",
        description="How much it counts beside other rewards; below 0 it punishes.",
    )

    @abstractmethod
    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return what an answer is worth, usually from 0 to 1, where the texts `wanted` would be right."""


def add_up(rewards: Sequence[Reward], answer: str, wanted: Sequence[str]) -> float:
    """Return the weighted sum of all rewards; one that is no number counts as nothing."""
    worth = (one.weight * one.judge(answer[:MOST_LETTERS], wanted) for one in rewards)
    return sum(value for value in worth if math.isfinite(value))
