"""The same ten prompts, answered by each ticked run side by side, and by the base of the first.

Knows how ticked runs become columns; asking and the table are the Compare step's.
"""

from collections.abc import Iterator
from typing import Any

from studio.answering.column import MOST
from studio.errors import InputError, StudioError
from studio.service import Studio
from studio.ui.frame.words import foreign
from studio.ui.steps.compare.page import answer_ten

MOST_RUNS = MOST - 1
"""Runs beside the base."""


def ask_same(visit: Studio, value: Any) -> Iterator[str]:
    """Yield a growing table of ten prompts of the first run's test set; what can't be asked is said in words."""
    try:
        first, *others = read_ticked(value)
        name = visit.keeping.read_note(first).name or visit.run_status(first).name
    except StudioError as error:
        yield f'<p class="error-line" role="alert">{foreign(error)}</p>'
        return
    asked = {"run": first, "models": [f"run:{run}" for run in others]}
    yield from answer_ten(visit, asked, ("base", name))


def read_ticked(value: Any) -> list[str]:
    """Return the ticked runs. Raises InputError for none, or more than stand side by side."""
    runs = value.get("runs") if isinstance(value, dict) else None
    runs = [run for run in runs if isinstance(run, str)] if isinstance(runs, list) else []
    if not 1 <= len(runs) <= MOST_RUNS:
        raise InputError(
            f"1 to {MOST_RUNS} runs answer side by side, beside the base, not {len(runs)}. Tick fewer.", field="runs"
        )
    return runs
