"""Matches a pattern: 1 for an answer that a regular expression matches. One that takes too long matches nothing."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import regex
from pydantic import Field, field_validator

from studio.rewards.reward import Reward

SECONDS = 0.05
"""So long a pattern may look at one answer: some grow without end on a few letters."""


@lru_cache(maxsize=64)
def _compile(pattern: str) -> Any:
    return regex.compile(pattern)


class Matches(Reward):
    """Worth 1 where a pattern is found in it."""

    name: ClassVar[str] = "matches"
    title: ClassVar[str] = "Matches a pattern"
    position: ClassVar[int] = 3
    summary: ClassVar[str] = "1 for an answer in which a regular expression is found, else 0."
    yes_or_no: ClassVar[bool] = True

    pattern: str = Field(
        min_length=1,
        max_length=1000,
        title="Pattern",
        description=r"A regular expression, such as ^\d+$ for a number alone. One that takes longer than 50 ms matches "
        "nothing.",
    )

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            _compile(value)
        except (regex.error, RecursionError) as error:
            raise ValueError(f"The pattern can't be read: {error}. Correct it, or use the reward contains.") from None
        return value

    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return 1 or 0."""
        try:
            return float(_compile(self.pattern).search(answer.strip(), timeout=SECONDS) is not None)
        except TimeoutError:
            return 0.0
