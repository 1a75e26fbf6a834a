"""Learnt: what a reward model makes of an answer, one that a run here learnt from pairs."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, field_validator

from studio.errors import ModelError
from studio.models.reference import ModelRef
from studio.rewards.reward import Reward, Said, Scorers


class Learnt(Reward):
    """Worth what people would say of it, as far as a model learnt that."""

    name: ClassVar[str] = "learnt"
    title: ClassVar[str] = "Learnt from preferences"
    position: ClassVar[int] = 6
    summary: ClassVar[str] = "What a reward model says, which a run of the objective reward made; it has no bounds."

    model: str = Field(
        min_length=1, max_length=200, title="Reward model", description="Its address, such as run:brave-otter."
    )

    @field_validator("model")
    @classmethod
    def _is_run(cls, value: str) -> str:
        try:
            made = ModelRef(ref=value).made
        except ModelError as error:
            raise ValueError(str(error)) from None
        if made is None or made.kind != "run":
            raise ValueError(f"{value[:80]!r} is no run's address. Write that of a reward model: run:brave-otter.")
        return value

    @property
    def judges(self) -> str:
        """The reward model."""
        return self.model

    def judge_all(self, said: Sequence[Said], scorers: Scorers) -> list[float]:
        """Return what the reward model says of each answer."""
        return scorers[self.model].judge(said)

    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return no number: what an answer is worth to a model hangs on what was asked."""
        return float("nan")
