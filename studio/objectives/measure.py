"""What an objective says of how a run does, as data: whoever draws, lists or keeps numbers iterates these.

Knows no run and no page; a number's name means something to the objective alone.
"""

from typing import Literal

from pydantic import BaseModel


class Measure(BaseModel, frozen=True):
    """One number that is measured at each step, and on the validation part.

    `unit` stands behind the title where people name one. Those of one `chart` share their axis; so many significant
    `digits` are shown. The first that an objective declares is its main one: it stands where only one number does, and
    its chart is drawn from the start.
    """

    name: str
    title: str
    better: Literal["lower", "higher"]
    unit: str = ""
    chart: str = ""
    digits: int = 3


LOSS = Measure(name="loss", title="loss", better="lower", chart="loss")
"""What is minimised: every objective has it, under this name."""
