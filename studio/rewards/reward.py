"""Reward: what an answer is worth by a declared rule. The head of the family; one file each.

A rule is made of fields with bounds, never of anybody's code: a studio that strangers use can keep no interpreter safe.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

from pydantic import Field

from studio.plugins import Plugin
from studio.tasks.dialogue import Dialogue
from studio.tasks.task import Task

MOST_LETTERS = 20_000
"""Of an answer, so many are looked at."""


class Said(NamedTuple):
    """An answer, the texts that would be right, and the turns before it: what was asked, in a task."""

    answer: str
    wanted: tuple[str, ...]
    asked: Dialogue
    task: Task


class Scorer(Protocol):
    """A model that judges."""

    def judge(self, said: Sequence[Said]) -> list[float]:
        """Return how good each answer is, no number for one that it can't read."""


Scorers = Mapping[str, Scorer]
"""Models that judge, by their addresses."""


class Reward(Plugin):
    """One rule, and how much it counts beside others."""

    summary: ClassVar[str]
    yes_or_no: ClassVar[bool] = False
    """Whether an answer is worth 1 or 0 by it, and nothing between."""

    weight: float = Field(
        1.0,
        ge=-100,
        le=100,
        title="Weight",
        description="How much it counts beside other rewards; below 0 it punishes.",
    )

    @property
    def judges(self) -> str:
        """The address of the model that it asks, "" for none."""
        return ""

    def judge_all(self, said: Sequence[Said], scorers: Scorers) -> list[float]:
        """Return what each answer is worth; `scorers` has the model that this rule asks, if it asks one."""
        return [self.judge(one.answer[:MOST_LETTERS], one.wanted) for one in said]

    def find_earning(self, wanted: Sequence[str]) -> str | None:
        """Return an answer that earns something by it, None where nobody can tell one beforehand."""
        return None

    @abstractmethod
    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return what an answer is worth, usually from 0 to 1, where the texts `wanted` would be right."""


def add_up(rewards: Sequence[Reward], said: Sequence[Said], scorers: Scorers) -> list[float]:
    """Return the weighted sum of all rewards for each answer; one that is no number counts as nothing."""
    sums = [0.0] * len(said)
    for reward in rewards:
        for place, value in enumerate(reward.judge_all(said, scorers)):
            sums[place] += reward.weight * value if math.isfinite(value) else 0.0
    return sums
