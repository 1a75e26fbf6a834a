"""Length: 1 for an answer of so many words, and less the further it is away."""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from studio.rewards.reward import Reward


class Length(Reward):
    """Worth 1 where it is neither too short nor too long."""

    name: ClassVar[str] = "length"
    title: ClassVar[str] = "Length"
    position: ClassVar[int] = 4
    summary: ClassVar[str] = "1 for an answer between two numbers of words; each word beyond takes its share away."

    fewest: int = Field(1, ge=0, le=10_000, title="Fewest words", description="The shortest that is worth all.")
    most: int = Field(20, ge=1, le=10_000, title="Most words", description="The longest that is worth all.")

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.fewest > self.most:
            raise ValueError(f"fewest ({self.fewest}) is larger than most ({self.most}). Swap them.")
        return self

    def find_earning(self, wanted: Sequence[str]) -> str:
        """Return the shortest that is worth all."""
        return "word " * self.fewest

    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return 1 within the bounds; outside, 1 less for each time the bound it is away."""
        words = len(answer.split())
        if words < self.fewest:
            return words / self.fewest
        return max(0.0, 1.0 - max(0, words - self.most) / self.most)
