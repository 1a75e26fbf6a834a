"""Equals: 1 for an answer that is one of those that are wanted, letter for letter but for blanks around it."""

from collections.abc import Sequence
from typing import ClassVar

from studio.rewards.reward import Reward


class Equals(Reward):
    """Worth 1 where it is right."""

    name: ClassVar[str] = "equals"
    title: ClassVar[str] = "Equals the reference"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "1 for an answer that equals one of the task's outputs, else 0."
    yes_or_no: ClassVar[bool] = True

    def find_earning(self, wanted: Sequence[str]) -> str:
        """Return what is wanted."""
        return wanted[0]

    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return 1 or 0."""
        return float(answer.strip() in {one.strip() for one in wanted})
