"""What is optimised: the objectives that learn from the chosen task, and of those with rewards, what earns them.

Each choice is a patch of the draft; the rules themselves are in `rules`. Knows objectives by their cards, and reward
models by their runs.
"""

import json
from typing import Any

from studio.objectives import OBJECTIVES, USUAL
from studio.objectives.card import list_fitting
from studio.objectives.rewarded import Rewarded
from studio.objectives.watching import Watching
from studio.rewards import REWARDS
from studio.service import Studio
from studio.ui.frame.words import escape, foreign
from studio.ui.steps.method.rules import draw_rules


def draw_aims(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return the choice of an objective, nothing where the task is unknown or allows one alone."""
    card = next((card for card in studio.list_tasks() if card.task_id == recipe.get("task_id")), None)
    names = list_fitting(card.kind) if card else []
    if len(names) < 2:
        return ""
    aim = recipe.get("objective")
    named = (aim.get("name") if isinstance(aim, dict) else aim) or USUAL
    chosen = OBJECTIVES.find(named if named in names else names[0])
    buttons = "".join(
        _draw_button(OBJECTIVES.find(name).title, {"name": name}, name == chosen.name, "objective" * (name == USUAL))
        for name in names
    )
    rewards = _draw_rewards(studio, aim) if issubclass(chosen, Rewarded) else ""
    rewards += _draw_watched(studio, aim, chosen) if issubclass(chosen, Watching) else ""
    return (
        '<section class="studio stack" id="aims"><div class="field"><span class="label" id="aims-label">What is '
        'optimised</span><div class="segments" role="radiogroup" aria-labelledby="aims-label" '
        f'aria-describedby="aims-hint">{buttons}</div><span class="hint" id="aims-hint">{escape(chosen.summary)}</span>'
        f"</div>{rewards}</section>"
    )


def _draw_rewards(studio: Studio, aim: Any) -> str:
    """What an answer is worth: the reference, what a reward model says, or rules with weights; and what is watched."""
    told = aim if isinstance(aim, dict) else {}
    usual = [{"name": "equals"}]
    given = told.get("rewards") or usual
    judges = studio.judging.list_judges()
    offered = [(REWARDS.find("equals").title, usual)]
    offered += [(f"What {name} says", [{"name": "learnt", "model": address}]) for address, name in judges]
    buttons = "".join(
        _draw_button(title, {"rewards": rewards}, rewards == given, "objective.rewards" * (rewards == usual))
        for title, rewards in offered
    )
    more = "" if judges else " Train a reward model on pairs, and what it says can be rewarded."
    return (
        '<div class="field"><span class="label" id="rewards-label">What is rewarded</span><div class="segments" '
        f'role="radiogroup" aria-labelledby="rewards-label" aria-describedby="rewards-hint">{buttons}</div><span '
        f'class="hint" id="rewards-hint">An answer is worth the sum of these rules, each times its weight.{more}</span>'
        f'{draw_rules("objective.rewards", given, judges, "what is rewarded")}<span class="error-line" '
        'data-error-for="objective.rewards"></span></div>'
    )


def _draw_watched(studio: Studio, aim: Any, chosen: type[Watching]) -> str:
    """Who judges without a part in what is learnt: rules and reward models."""
    given = aim.get("watched") if isinstance(aim, dict) else None
    rules = draw_rules("objective.watched", given, studio.judging.list_judges(), "what is watched")
    hacked = "If these fall while the reward grows, it is being hacked. " if issubclass(chosen, Rewarded) else ""
    return (
        '<details class="more card" id="watched"><summary>Watched, and never learned from</summary><p class="hint">'
        f"{hacked}At the end they say how often the tuned model's drawn answers beat those of the start.</p>"
        f'<div class="field">{rules}</div></details>'
    )


def _draw_button(title: str, patch: dict[str, Any], is_chosen: bool, unset: str) -> str:
    """A choice; it is the one of a recipe that says nothing at `unset`, where that is given."""
    usual = f' data-unset="{unset}"' if unset else ""
    given = escape(json.dumps({"recipe": {"objective": patch}}))
    return (
        f'<button type="button" role="radio" aria-checked="{str(is_chosen).lower()}"{usual} data-set="{given}">'
        f"{foreign(title, 60)}</button>"
    )
