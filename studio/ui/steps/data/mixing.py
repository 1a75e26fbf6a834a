"""Other tasks that are learnt together with the chosen one, and how often: each choice is a patch of the draft."""

import json
from typing import Any

from studio.errors import StudioError
from studio.service import Studio
from studio.tasks.store import TaskCard
from studio.ui.frame.words import escape, foreign, number

MOST = 60
"""The most tasks that are offered."""
SHARES = {0: "not", 0.25: "a quarter", 0.5: "half as often", 1: "as often", 2: "twice as often"}


def draw_mixing(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return the tasks that can be mixed in, folded unless some are."""
    if not recipe.get("task_id"):
        return ""
    mixture = find_weights(recipe.get("mixture"))
    others = [card for card in studio.list_tasks() if card.task_id != recipe["task_id"]]
    if not others:
        return ""
    others.sort(key=lambda card: card.task_id not in mixture)
    rows = "".join(_draw_row(card, mixture) for card in others[:MOST])
    rest = f'<p class="hint">and {number(len(others) - MOST)} more tasks</p>' if len(others) > MOST else ""
    opened = " open" if mixture else ""
    said = _say(studio, recipe, mixture)
    return (
        f'<details class="studio card stack mixing" id="mixing"{opened}><summary><strong>Mix in other tasks'
        f'</strong> <span class="hint">{said}</span></summary><p class="hint">Trained on several tasks, a model '
        "learns to follow the definition and not one habit. Each example keeps the definition of its own task. The "
        f'score and the sample answers stay those of the task above.</p><ul class="plain">{rows}</ul>{rest}</details>'
    )


def find_weights(mixture: object) -> dict[str, float]:
    """Return the weights by task of what a draft may say of a mixture; what can't be used is left out."""
    return {
        part["task_id"]: part["weight"]
        for part in (mixture if isinstance(mixture, list | tuple) else ())
        if isinstance(part, dict)
        and isinstance(part.get("task_id"), str)
        and isinstance(part.get("weight"), int | float)
        and not isinstance(part["weight"], bool)
    }


def _draw_row(card: TaskCard, mixture: dict[str, float]) -> str:
    now = mixture.get(card.task_id, 0)
    shares = SHARES if now in SHARES else {**SHARES, now: f"{now:g} times as often"}
    buttons = "".join(_draw_share(card, mixture, weight, words, now) for weight, words in shares.items())
    return (
        f'<li class="row between"><span>{foreign(card.title, 90)} <span class="hint">{number(card.instances)} '
        f'examples</span></span><span class="segments" role="group" aria-label="How often '
        f'{escape(card.title, 90)} comes">{buttons}</span></li>'
    )


def _draw_share(card: TaskCard, mixture: dict[str, float], weight: float, words: str, now: float) -> str:
    wanted = {**mixture, card.task_id: weight}
    parts = [{"task_id": task_id, "weight": each} for task_id, each in wanted.items() if each]
    patch = escape(json.dumps({"recipe": {"mixture": parts}}))
    pressed = "true" if weight == now else "false"
    return f'<button type="button" aria-pressed="{pressed}" data-set="{patch}">{words}</button>'


def _say(studio: Studio, recipe: dict[str, Any], mixture: dict[str, float]) -> str:
    if not mixture:
        return "none"
    own = 1 / (1 + sum(mixture.values()))
    try:
        heading = studio.load_task(str(recipe["task_id"])).heading
    except StudioError:
        heading = str(recipe["task_id"])
    return f"{len(mixture)} more; {100 * own:.0f} % of the examples are of {foreign(heading, 60)}"
