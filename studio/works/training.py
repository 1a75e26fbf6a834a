"""Training: a recipe is executed; checkpoints come out, and it goes on from the newest of them."""

from typing import ClassVar, Self

from studio.errors import StudioError
from studio.estimates.checking import is_storable
from studio.recipes.recipe import Recipe
from studio.recipes.smaller import Remedy, lower_memory
from studio.runs.ending import UNKNOWN_RECIPE
from studio.runs.event import PHASES
from studio.runs.run import TRAINING, Resumable, Run, new_run
from studio.tasks.mixture import name_mixture
from studio.works.work import Estimate, FindTitle, Work
from studio.workspace import Workspace


class Training(Work):
    """The first kind: what it is asked to do is in recipe.json, as it was before there were others."""

    name: ClassVar[str] = TRAINING
    title: ClassVar[str] = "Training"
    enters: ClassVar[str] = "studio.training.session:train"
    doing: ClassVar[str] = "training"
    phases: ClassVar[tuple[str, ...]] = PHASES
    position: ClassVar[int] = 0

    recipe: Recipe

    @classmethod
    def load(cls, run: Run) -> Self:
        """Return the run's recipe as work."""
        return cls(recipe=run.load_recipe())

    def queue(self, workspace: Workspace, request: str = "", owner: str = "") -> Run:
        """Put the recipe into the queue."""
        return new_run(workspace, self.recipe, request, owner)

    @property
    def about(self) -> str:
        """The run that it starts from: queued, it would find nothing without it."""
        made = self.recipe.base.made
        return made.name if made and made.kind == "run" else ""

    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        """Return the tasks' title, and with what method they are learned."""
        recipe = self.recipe
        title = name_mixture(find_title(recipe.task_id, recipe.task_version), len(recipe.mixture))
        return title, f"{title} by {recipe.method_words}"

    @classmethod
    def find_resumable(cls, run: Run) -> Resumable:
        """Return the newest checkpoint that is whole."""
        return run.find_resumable()

    @classmethod
    def clear_leavings(cls, run: Run) -> None:
        """On a full disk, half a checkpoint takes the room of the last words."""
        run.clear_leavings()

    def expect_seconds(self, workspace: Workspace, estimate: Estimate) -> float | None:
        """Return what the recipe's estimate says."""
        return estimate(self.recipe)

    @classmethod
    def lower_memory(cls, run: Run, loading: bool) -> Remedy:
        """Return the next smaller recipe that the base allows."""
        try:
            return lower_memory(run.load_recipe(), loading, is_storable)
        except StudioError:
            return UNKNOWN_RECIPE
