"""Score: base and tuned answer many instances; an answer is kept as it is given, and it goes on after the last one."""

from typing import ClassVar, Literal

from pydantic import Field

from studio.estimates.pace import load_pace
from studio.journal import read_lines
from studio.models.device import find_device
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

    run: str = Field(min_length=1, max_length=80)
    step: int = Field(ge=0)
    part: Part = "test"
    instances: int = Field(0, ge=0, description="How many there are, for an estimate.")

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
