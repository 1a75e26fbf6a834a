"""What is optimised. The head of the family is `objective.Objective`; adding an objective is adding one file here."""

from studio.objectives.objective import Objective
from studio.plugins import Family

OBJECTIVES: Family[Objective] = Family(Objective, __name__, "objective")

__all__ = ["OBJECTIVES", "Objective"]
