"""Contains: 1 for an answer in which some words stand."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from studio.rewards.reward import Reward


class Contains(Reward):
    """Worth 1 where a text stands in it."""

    name: ClassVar[str] = "contains"
    title: ClassVar[str] = "Contains a text"
    position: ClassVar[int] = 2
    summary: ClassVar[str] = "1 for an answer that contains the text, else 0."
    yes_or_no: ClassVar[bool] = True

    text: str = Field(
        min_length=1, max_length=1000, title="Text", description="What has to stand in the answer, such as Arrr!"
    )
    at_start: bool = Field(False, title="At its beginning", description="Whether the answer has to begin with it.")

    def find_earning(self, wanted: Sequence[str]) -> str:
        """Return the text, and something after it."""
        return f"{self.text}."

    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return 1 or 0."""
        return float(answer.strip().startswith(self.text) if self.at_start else self.text in answer)
