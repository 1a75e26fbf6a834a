"""Several values of one setting at once: "+ try 1, 8, 64" queues a run for each, and the table shows them together.

Draws the buttons beside the fields; the acts are a server function that group.js asks.
"""

import json
from typing import Any

from studio.errors import InputError
from studio.recipes.recipe import merge_deep
from studio.service import Studio
from studio.ui.frame.words import escape
from studio.ui.steps.train.run_desk import read_request
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

MOST_VALUES = 10
RANKS = (1, 8, 64)
FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""A learning-rate finder: the usual rate times these."""


class TryGroup(Scripted):
    """Where the answer of a click on "+ try" is said; the buttons stand beside their fields."""

    script = "steps/method/group.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        frame = '<p class="error-line try-words" role="alert"></p>'
        super().__init__(frame, bind_acts(studio, start_group), **settings)


def draw_tries(fields: Any, learning_rate: object, shots: int = 0) -> str:
    """Return the buttons for a method with these fields, and for a rate; a rate that can't be one gets none.

    Where so few examples of each class are learnt from (`shots`), other draws of them can be tried, too.
    """
    buttons = [_draw_try("method.rank", RANKS, "ranks")] if "rank" in fields else []
    if isinstance(learning_rate, int | float) and not isinstance(learning_rate, bool) and 0 < learning_rate <= 1:
        rates = [float(f"{learning_rate * factor:.2g}") for factor in FACTORS]
        buttons.append(_draw_try("training.learning_rate", [rate for rate in rates if rate <= 1], "learning rates"))
    if shots:
        buttons.append(_draw_try("objective.draw", range(MOST_VALUES), "draws"))
    return f'<div class="row tries">{"".join(buttons)}</div>' if buttons else ""


def _draw_try(path: str, values: Any, words: str) -> str:
    said = ", ".join(f"{value:g}" for value in values)
    asked = escape(json.dumps({"path": path, "values": list(values)}))
    return (
        f'<button type="button" class="btn small" data-try="{asked}" '
        f'title="Queues a run for each, and shows their curves in one chart">+ Try {words} {said}</button>'
    )


def start_group(visit: Studio, asked: Any) -> dict[str, Any]:
    """Queue a recipe once for each value of one of its settings, and return the runs, in the order of the values."""
    recipe, path, values = part(asked, "recipe", dict), part(asked, "path", str), part(asked, "values", list)
    if not 1 <= len(values) <= MOST_VALUES:
        raise InputError(f"A group has 1 to {MOST_VALUES} runs, not {len(values)}.", field=path)
    whole = visit.read_recipe(recipe).to_json()
    recipes = [merge_deep(whole, _nest(path, value)) for value in values]
    for each in recipes:
        visit.estimate(each)  # all of them, before the first is started
    request = read_request(asked)
    return {"runs": [visit.start_run(each, f"{request}-{place}") for place, each in enumerate(recipes)]}


def _nest(path: str, value: object) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _nest(rest, value) if rest else value}
