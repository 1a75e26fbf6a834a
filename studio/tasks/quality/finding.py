"""One thing that a check found: in words, with its instances and its fix. Knows no check."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from studio.tasks.task import Task

Severity = Literal["problem", "warning", "remark"]
"""Spoils the training; makes it worse; good to know."""


class Finding(BaseModel):
    """What was found. `numbers` are places in `task.instances`; `fix` names one of `fixes.FIXES`, or is "".

    `follows` is True of what may vanish once the causes are repaired, such as a balance of labels that are spelt in
    several ways; it is reported after them.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    severity: Severity
    title: str
    words: str
    numbers: tuple[int, ...] = ()
    fix: str = ""
    fix_words: str = ""
    follows: bool = False


def say_places(task: Task, numbers: Sequence[int], most: int = 3) -> str:
    """Return the first places in words: "Instances[3] (id task1-x), Instances[7] (id task1-y) and 12 more"."""
    shown = [f"Instances[{number}] (id {task.instances[number].id[:60]})" for number in numbers[:most]]
    more = f" and {len(numbers) - most:,} more" if len(numbers) > most else ""
    return ", ".join(shown) + more


_SINGULAR = {"have": "has", "are": "is"}


def count_of(number: int, verb: str = "have") -> str:
    """Return a number of instances with its verb: "1 example has", "1,234 examples have"."""
    return f"1 example {_SINGULAR.get(verb, f'{verb}s')}" if number == 1 else f"{number:,} examples {verb}"
