"""What is optimised. The head of the family is `objective.Objective`; adding an objective is adding one file here."""

from studio.errors import RecipeError
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Ability, Objective
from studio.plugins import Family

OBJECTIVES: Family[Objective] = Family(Objective, __name__, "objective")
USUAL = "sft"
"""The objective of a recipe that names none."""


def find_measures(objective: object) -> tuple[Measure, ...]:
    """Return what an objective tells of a run, the main measure first; it is given as in a recipe's JSON.

    Of one that isn't here any more, as of an old run, the loss alone is known.
    """
    name = objective.get("name") if isinstance(objective, dict) else objective
    try:
        return OBJECTIVES.find(name).list_measures(objective if isinstance(objective, dict) else {})
    except RecipeError:
        return (LOSS,)


def find_makes(objective: object) -> Ability:
    """Return what a model can do that was trained by an objective, given as in a recipe's JSON."""
    name = objective.get("name") if isinstance(objective, dict) else objective
    try:
        return OBJECTIVES.find(name or USUAL).makes
    except RecipeError:
        return "answer"


__all__ = ["OBJECTIVES", "USUAL", "Measure", "Objective", "find_makes", "find_measures"]
