"""All methods side by side for one recipe: what each would train, with its usual settings; counted, which is quick.

What memory each needs says its own estimate, for which the model is passed through: about a second a method.
"""

from pathlib import Path

from pydantic import BaseModel

from studio.errors import RecipeError
from studio.estimates.checking import check_precision
from studio.estimates.counting import count_saved
from studio.estimates.estimate import count_trained
from studio.methods import METHODS
from studio.recipes.recipe import Recipe


class MethodCost(BaseModel, frozen=True):
    """What one method would train; where it can't, `refusal` says why and the numbers are None. The size in bytes."""

    name: str
    title: str
    summary: str
    refusal: str | None = None
    trainable: int | None = None
    percent: float | None = None
    adapter_bytes: int | None = None


def compare_methods(recipe: Recipe, folder: Path) -> list[MethodCost]:
    """Return what each method would train in place of the recipe's own, in the order of the family."""
    costs = []
    for name, cls in METHODS.members.items():
        method = recipe.method if recipe.method.name == name else METHODS.read(name)
        own = MethodCost(name=name, title=cls.title, summary=cls.summary)
        try:
            if refusal := method.refuses(recipe.precision):
                raise RecipeError(refusal, field="precision")
            check_precision(recipe.precision, folder)
            found = count_trained(recipe.model_copy(update={"method": method}), folder)
        except RecipeError as error:
            costs.append(own.model_copy(update={"refusal": str(error)}))
        else:
            percent, saved = 100 * found.trainable / found.total, 4 * count_saved(method, found)
            told = {"trainable": found.trainable, "percent": percent, "adapter_bytes": saved}
            costs.append(own.model_copy(update=told))
    return costs
