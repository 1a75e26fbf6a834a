"""What a recipe asks of its model that can't be done, said before the run: the method on it, and the precision.

Asked of the model itself, on torch's meta device; knows no list of models.
"""

from pathlib import Path

from studio.errors import RecipeError
from studio.estimates.counting import count, find_shape
from studio.models.reference import read_config
from studio.models.stored import check_kept_as_stored, read_stored
from studio.precisions import Precision
from studio.runs.recipe import Recipe


def check_recipe(recipe: Recipe, folder: Path) -> None:
    """Raise RecipeError or ModelError in words where method or precision don't go with the model of `folder`."""
    check_precision(recipe.precision, folder)
    count(folder, recipe.method)


def check_precision(precision: Precision, folder: Path) -> None:
    """Raise RecipeError in words where a base is stored otherwise, or has no layer that a precision reaches."""
    check_kept_as_stored(read_stored(read_config(folder)), precision.name)
    shape = find_shape(folder)
    if precision.quantised and not shape.linear:
        kinds = ", ".join(shape.classes) or "none at all"
        raise RecipeError(
            f"{precision.title} replaces torch's own linear layers, and this model has none ({kinds}): nothing would be "
            "stored small. Choose 16 or 32 bits.",
            field="precision",
        )
