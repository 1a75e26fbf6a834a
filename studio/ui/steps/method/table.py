"""The table of all methods for the chosen model: what each would train and need, sortable, one click to choose.

Knows `Studio.compare_methods`, which counts, and words. The browser sorts, and asks for the memory of one method after
the other, which takes a pass through the model each (table.js).
"""

import json
from typing import Any

from studio.errors import StudioError
from studio.estimates.comparison import MethodCost
from studio.service import Studio
from studio.ui.frame.handler import say
from studio.ui.frame.words import escape, fit_pill, number, percent, size
from studio.ui.widgets.server_act import part


def draw_waiting(methods: int) -> str:
    """Return the folded table before anybody has unfolded it."""
    return _frame(methods, '<p class="hint" role="status">Counting every method on this model …</p>')


def draw_methods(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return the table for a draft's recipe, or why there is none."""
    try:
        costs = studio.compare_methods(recipe)
    except StudioError as error:
        return _frame(0, f'<p class="error-line">{escape(say(error))}</p>')
    return _frame(len(costs), _draw_table(costs, recipe))


def weigh_method(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the memory that a method needs in place of a recipe's own, in bytes (0 where it can't be told) and as a
    cell of the table."""
    recipe, name = part(asked, "recipe", dict), part(asked, "method", str)
    own = recipe.get("method")
    method = own if isinstance(own, dict) and own.get("name") == name else {"name": name}
    cost = visit.estimate({**recipe, "method": method})
    told = "" if cost.memory_bytes is None else size(cost.memory_bytes)
    return {"bytes": cost.memory_bytes or 0, "html": told + fit_pill(cost.fits)}


def _frame(methods: int, content: str) -> str:
    every = f"all {methods} methods" if methods else "all methods"
    return (
        f'<div class="studio"><details class="more card" id="all-methods"><summary>Compare {every} on this model'
        f"</summary>{content}</details></div>"
    )


def _draw_table(costs: list[MethodCost], recipe: dict[str, Any]) -> str:
    heads = "".join(
        f'<th scope="col"{" aria-sort=none" if key else ""}>'
        + (f'<button type="button" class="sorter" data-sort="{key}">{escape(title)}</button>' if key else escape(title))
        + "</th>"
        for key, title in (("name", "Method"), ("trainable", "Trains"), ("memory", "Memory"), ("", "Saved file"))
    )
    rows = "".join(_draw_row(place, cost) for place, cost in enumerate(costs))
    asked = escape(json.dumps(recipe))
    return (
        '<p class="hint">Each with its usual settings, on the model, the precision and the examples chosen above.</p>'
        f'<div class="wide"><table class="methods" id="method-table" data-recipe="{asked}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _draw_row(place: int, cost: MethodCost) -> str:
    choice = escape(json.dumps({"recipe": {"method": {"name": cost.name}}}))
    off = " disabled" if cost.refusal else ""
    name = (
        f'<th scope="row"><button type="button" class="pick" data-toggle data-set="{choice}"{off} '
        f'aria-pressed="false" id="table-{cost.name}"><span class="name">{escape(cost.title)}</span></button>'
        f'<span class="hint">{escape(cost.refusal or cost.summary)}</span></th>'
    )
    sort = f'data-name="{place}" data-trainable="{cost.trainable or 0}" data-memory="0"'
    if cost.refusal or cost.trainable is None:
        return f'<tr class="off" {sort}>{name}<td colspan="3" class="value">not available at this precision</td></tr>'
    return (
        f"<tr {sort}>{name}"
        f'<td class="value num">{number(cost.trainable)}<span class="hint">{percent(cost.percent or 0)}</span></td>'
        f'<td class="value num" data-weighs="{cost.name}"><span class="hint">measuring …</span></td>'
        f'<td class="value num">{size(cost.adapter_bytes or 0)}</td></tr>'
    )
