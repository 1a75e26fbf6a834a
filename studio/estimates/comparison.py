"""All methods side by side for one recipe: what each would train and cost, with its usual settings."""

from pathlib import Path

from pydantic import BaseModel

from studio.errors import RecipeError
from studio.estimates.estimate import Estimate, TaskSize, estimate_recipe
from studio.methods import METHODS
from studio.models.device import DeviceFacts, Fit
from studio.recipes.recipe import Recipe


class MethodCost(BaseModel, frozen=True):
    """What one method would cost; where it can't train, `refusal` says why and the numbers are None. Sizes in bytes."""

    name: str
    title: str
    summary: str
    refusal: str | None = None
    trainable: int | None = None
    percent: float | None = None
    adapter_bytes: int | None = None
    memory_bytes: int | None = None
    fits: Fit | None = None


def compare_methods(recipe: Recipe, folder: Path, task: TaskSize, device: DeviceFacts, cache: Path) -> list[MethodCost]:
    """Return what each method would cost in place of the recipe's own, in the order of the family."""
    costs = []
    for name, cls in METHODS.members.items():
        method = recipe.method if recipe.method.name == name else METHODS.read(name)
        own = MethodCost(name=name, title=cls.title, summary=cls.summary)
        refusal = method.refuses(recipe.precision)
        try:
            if refusal:
                raise RecipeError(refusal, field="precision")
            other = recipe.model_copy(update={"method": method})
            found = estimate_recipe(other, folder, task, device, cache, {"model": "", "task": ""})
        except RecipeError as error:
            costs.append(own.model_copy(update={"refusal": str(error)}))
        else:
            costs.append(own.model_copy(update=_take(found)))
    return costs


def _take(found: Estimate) -> dict[str, object]:
    names = ("trainable", "percent", "adapter_bytes", "memory_bytes", "fits")
    return {name: getattr(found, name) for name in names}
