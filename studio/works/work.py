"""Work: whatever occupies the device, one kind a file. The head of the family.

A kind declares its options and says, of its run's folder, how it goes on after a kill, how long it will take and what
people call it. What does it is a function of a module that only the child enters. Knows a run's folder; knows nothing
of queues, launchers or pages.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple, Self

from pydantic import ValidationError

from studio.declaration import explain
from studio.plugins import Plugin
from studio.recipes.recipe import Recipe
from studio.recipes.smaller import Remedy
from studio.runs.run import Resumable, Run, new_work_run
from studio.workspace import Workspace

FindTitle = Callable[[str, str | None], str]
"""The title of a task, by its id and version."""
Estimate = Callable[[Recipe], float | None]
"""How many seconds the training of a recipe takes; None where nobody knows."""


class Outcome(NamedTuple):
    """How a child's work ended: at which step, and whether nothing is left to do."""

    step: int
    finished: bool


class Work(ABC, Plugin):
    """One kind of work; its fields are what it is asked to do, kept whole in the run's folder (work.json).

    `enters` is the function that the child calls, "module:name": it takes workspace, run and the writer of events,
    returns an Outcome, looks at `run.stop_file` between steps, and writes so that a kill at any moment costs one step.
    """

    enters: ClassVar[str]
    doing: ClassVar[str]
    """What it is in a sentence: "the training was interrupted"."""
    unit: ClassVar[str] = "step"
    """What its progress counts."""
    needs_device: ClassVar[bool] = True
    """Whether it waits for a free place of the launcher; what needs none starts at once."""
    phases: ClassVar[tuple[str, ...]] = ("Loading the libraries",)
    """What a child does, in order, before its first step; the first is told for it."""

    @classmethod
    def load(cls, run: Run) -> Self:
        """Return what a run's folder asks for. Raises RecipeError or WorkspaceError in words."""
        declared = {name: value for name, value in run.load_declaration().items() if name != "name"}
        try:
            return cls.model_validate(declared)
        except ValidationError as error:
            raise explain(error, cls) from None

    def queue(self, workspace: Workspace, request: str = "", owner: str = "") -> Run:
        """Put it into the queue, as a run that has not started; the same non-empty request never makes two."""
        return new_work_run(workspace, self.model_dump(mode="json"), request, owner)

    @property
    def about(self) -> str:
        """The id of the run that it needs, to measure it or to start from it; "" for none. It is kept until the end."""
        return ""

    @abstractmethod
    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        """Return its title and a sentence about it, for people."""

    @classmethod
    def find_resumable(cls, run: Run) -> Resumable:
        """Return where it goes on when it is started (again); by default it starts again."""
        return Resumable(0, None, "")

    @classmethod
    def clear_leavings(cls, run: Run) -> None:
        """Delete what a child that broke left half written."""

    def expect_seconds(self, workspace: Workspace, estimate: Estimate) -> float | None:
        """Return how many seconds the whole of it will take; None where nobody knows."""
        return None

    @classmethod
    def lower_memory(cls, run: Run, loading: bool) -> Remedy:
        """Return what helps where the device ran out of memory; `loading`: before its first step."""
        return Remedy("Wait until nothing else needs the memory, then resume it.")
