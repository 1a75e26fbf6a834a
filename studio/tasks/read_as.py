"""How a file is read where it could be read in more than one way, and what a reading comes to.

A reader that can tell makes an `Offer`, from which a person may choose another way afterwards; one that can't raises
`ChoiceNeeded` with it. Knows no format.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from studio.errors import TaskError
from studio.tasks.repair import Repair
from studio.tasks.task import Task


class ReadAs(BaseModel):
    """What a person chose: an encoding by name, a sheet of a workbook or a list of a JSON file; "" is not chosen."""

    model_config = ConfigDict(frozen=True)

    encoding: str = ""
    part: str = ""


class Option(BaseModel):
    """One way of reading a file: its name, what people call it, and a line that shows what comes of it."""

    model_config = ConfigDict(frozen=True)

    value: str
    title: str
    line: str = ""


class Offer(BaseModel):
    """The ways in which a file could be read, and the one that was taken; "" where a person has to choose."""

    model_config = ConfigDict(frozen=True)

    name: Literal["encoding", "part"]
    chosen: str
    options: tuple[Option, ...]


class Reading(BaseModel):
    """A task that was read, what the person should know about its file, what was repaired, and how else to read it.

    `unanswered` are the inputs of rows that were left out because they have no answer yet.
    """

    model_config = ConfigDict(frozen=True)

    task: Task
    warnings: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    offers: tuple[Offer, ...] = ()
    unanswered: tuple[str, ...] = ()


class ChoiceNeeded(TaskError):
    """A file that can be read in several ways, none of them for sure: a person has to choose from `offer`."""

    offer: Offer

    def __init__(self, message: str, offer: Offer) -> None:
        super().__init__(message, field=offer.name)
        self.offer = offer


AS_IT_IS = ReadAs()
"""Nothing was chosen."""
