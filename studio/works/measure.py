"""Measure: up to four models answer the same instances of a task; what was measured once is not measured again."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from studio.errors import ModelError
from studio.journal import read_lines
from studio.models.reference import ModelRef
from studio.runs.run import Resumable, Run
from studio.works.work import FindTitle, Work

Measured = Literal["train", "validation", "test", "unseen", "general"]
"""A part of a task; or, of no task, the general text by which forgetting is told."""
MOST = 4


class Measure(Work):
    """The third kind: checkpoints by their addresses, on a part of a task; what they answer is kept by its content."""

    name: ClassVar[str] = "measure"
    title: ClassVar[str] = "Measurement"
    enters: ClassVar[str] = "studio.evidence.measuring:measure"
    doing: ClassVar[str] = "measuring"
    unit: ClassVar[str] = "answer"
    phases: ClassVar[tuple[str, ...]] = ("Loading the libraries", "Loading the models", "Writing the first answers")
    position: ClassVar[int] = 20

    checkpoints: tuple[str, ...] = Field(min_length=1, max_length=MOST, title="Checkpoints")
    task_id: str = Field("", max_length=100)
    task_version: str | None = Field(None, max_length=64)
    part: Measured = "test"
    instances: int = Field(0, ge=0, description="How many there are, for people.")

    @field_validator("checkpoints")
    @classmethod
    def _are_addresses(cls, checkpoints: tuple[str, ...]) -> tuple[str, ...]:
        for each in checkpoints:
            try:
                ModelRef(ref=each).made  # noqa: B018 - it is read to be checked
            except ModelError as error:
                raise ValueError(str(error)) from None
        return checkpoints

    @property
    def about(self) -> str:
        """The first run among the checkpoints, "" where all are bases."""
        made = [ModelRef(ref=each).made for each in self.checkpoints]
        return next((each.name for each in made if each and each.kind == "run"), "")

    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        """Return which models are measured, and on what."""
        names = ", ".join(_say(each) for each in self.checkpoints)
        if self.part == "general":
            return f"Forgetting of {names}", f"Forgetting of {names}, on {self.instances} general texts"
        task = find_title(self.task_id, self.task_version)
        which = "instances in words it never saw" if self.part == "unseen" else f"instances for {self.part}"
        return f"Measurement on {task}", f"{names} on {self.instances} {which}: {task}"

    @classmethod
    def find_resumable(cls, run: Run) -> Resumable:
        """Return how many answers are written already."""
        return Resumable(len(read_lines(run.answers_file)), None, "")


def _say(address: str) -> str:
    made = ModelRef(ref=address).made
    if not made or made.kind != "run":
        return address.rstrip("/").rpartition("/")[2]
    return Run.name_of(made.name) + (f", step {made.step:,}" if made.step is not None else "")
