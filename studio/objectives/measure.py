"""What an objective says of how a run does, as data: whoever draws, lists or keeps numbers iterates these.

Knows no run and no page; a number's name means something to the objective alone.
"""

import math
from typing import Literal

from pydantic import BaseModel


class Measure(BaseModel, frozen=True):
    """One number that is measured at each step, and on the validation part.

    `unit` comes after the title where people name one. Those of one `chart` share their axis; so many significant
    `digits` are shown. The first that an objective declares is its main one: it is shown where only one number is, and
    its chart is drawn from the start. `says` is how to read it, where that isn't plain.
    """

    name: str
    title: str
    better: Literal["lower", "higher"]
    unit: str = ""
    chart: str = ""
    digits: int = 3
    says: str = ""

    def is_better(self, value: float, other: float | None) -> bool:
        """Whether a value is better than another one, or than none; what is no number never is."""
        if not math.isfinite(value):
            return False
        return other is None or (value < other if self.better == "lower" else value > other)


LOSS = Measure(name="loss", title="loss", better="lower", chart="loss")
"""What is minimised: every objective has it, under this name."""
