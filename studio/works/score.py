"""Score: base and tuned answer many instances; an answer is kept as it is given, and it goes on after the last one."""

from typing import Any, ClassVar, Literal, cast

from pydantic import Field, field_validator, model_validator

from studio.errors import ModelError
from studio.estimates.pace import load_pace
from studio.journal import read_lines
from studio.models.device import find_device
from studio.models.reference import Made, ModelRef
from studio.runs.run import Resumable, Run, find_run
from studio.works.work import Estimate, FindTitle, Work
from studio.workspace import Workspace

Part = Literal["test", "unseen"]
"""Instances that are never trained on: the test part of the run's task, or others in words that it never uses."""


class Score(Work):
    """The second kind: of a run's checkpoint, on a part of its task; the result is kept with that run."""

    name: ClassVar[str] = "score"
    title: ClassVar[str] = "Score"
    enters: ClassVar[str] = "studio.evidence.scoring:score"
    doing: ClassVar[str] = "scoring"
    unit: ClassVar[str] = "instance"
    phases: ClassVar[tuple[str, ...]] = ("Loading the libraries", "Loading the models", "Writing the first answers")
    position: ClassVar[int] = 10

    model: str = Field(max_length=200, title="Model", description="Its address, with the step: run:brave-otter@120.")
    part: Part = "test"
    instances: int = Field(0, ge=0, description="How many there are, for an estimate.")

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, data: Any) -> Any:
        """Before models had addresses, run and step were written apart."""
        if not isinstance(data, dict) or "model" in data or "run" not in data:
            return data
        rest = {name: value for name, value in data.items() if name not in ("run", "step")}
        return {**rest, "model": f"run:{data['run']}@{data.get('step')}"}

    @field_validator("model")
    @classmethod
    def _names_a_step(cls, model: str) -> str:
        try:
            made = ModelRef(ref=model).made
        except ModelError as error:
            raise ValueError(str(error)) from None
        if made is None or made.kind != "run" or made.step is None:
            raise ValueError(f"{model[:80]!r} names no checkpoint of a run. Write run:brave-otter@120.")
        return model

    @property
    def made(self) -> Made:
        """The run and the step that the address names."""
        return cast(Made, ModelRef(ref=self.model).made)

    @property
    def run(self) -> str:
        """The run that made the model."""
        return self.made.name

    @property
    def step(self) -> int:
        """The step of its checkpoint."""
        return int(self.made.step or 0)

    @property
    def about(self) -> str:
        """The run whose answers are scored."""
        return self.run

    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        """Return whose answers are scored, and on what."""
        title = f"Score of {Run.name_of(self.run)}"
        which = "in words it has not seen" if self.part == "unseen" else "of its test set"
        return title, f"{title}, step {self.step}, on {self.instances} instances {which}"

    @classmethod
    def find_resumable(cls, run: Run) -> Resumable:
        """Return how many instances are answered already."""
        return Resumable(len(read_lines(run.answers_file)), None, "")

    def expect_seconds(self, workspace: Workspace, estimate: Estimate) -> float | None:
        """Return what the same base model took here the last time; None where it was never scored."""
        base = find_run(workspace, self.run).load_recipe().base
        pace = load_pace(workspace.cache, find_device(), base)
        return pace and pace.start_seconds + pace.instance_seconds * self.instances
