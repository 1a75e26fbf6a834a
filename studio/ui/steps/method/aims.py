"""What is optimised: the objectives that learn from the chosen task, and of those with rewards, what earns them.

Each choice is a patch of the draft. Knows objectives by their cards, and reward models by their runs.
"""

import json
from typing import Any

from studio.objectives import OBJECTIVES, USUAL, find_makes
from studio.objectives.card import list_fitting
from studio.objectives.rewarded import Rewarded
from studio.rewards import REWARDS
from studio.service import Studio
from studio.ui.frame.words import escape, foreign

MOST_JUDGES = 4
"""So many reward models are offered, the newest ones."""


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
    return (
        '<section class="studio stack" id="aims"><div class="field"><span class="label" id="aims-label">What is '
        'optimised</span><div class="segments" role="radiogroup" aria-labelledby="aims-label" '
        f'aria-describedby="aims-hint">{buttons}</div><span class="hint" id="aims-hint">{escape(chosen.summary)}</span>'
        f"</div>{rewards}</section>"
    )


def _draw_rewards(studio: Studio, aim: Any) -> str:
    """What an answer is worth: the reference, or what a reward model says."""
    given = aim.get("rewards") if isinstance(aim, dict) else None
    usual = [{"name": "equals"}]
    offered: list[tuple[str, list[dict[str, Any]]]] = [(REWARDS.find("equals").title, usual)]
    for run in studio.list_runs():
        if run.checkpoints and find_makes(run.recipe.get("objective")) == "judge" and len(offered) <= MOST_JUDGES:
            address = f"run:{run.run_id}@{run.checkpoints[-1]}"
            offered.append((f"What {run.name} says", [{"name": "learnt", "model": address}]))
    buttons = "".join(
        _draw_button(title, {"rewards": rewards}, rewards == (given or usual), "objective.rewards" * (rewards == usual))
        for title, rewards in offered
    )
    more = "" if len(offered) > 1 else " Train a reward model on pairs, and what it says can be rewarded."
    return (
        '<div class="field"><span class="label" id="rewards-label">What is rewarded</span><div class="segments" '
        f'role="radiogroup" aria-labelledby="rewards-label" aria-describedby="rewards-hint">{buttons}</div><span '
        f'class="hint" id="rewards-hint">Other rules ({escape(_list_others())}), and sums of several, are set in the '
        f"recipe.{more}</span></div>"
    )


def _list_others() -> str:
    return ", ".join(name for name in REWARDS.members if name not in ("equals", "learnt"))


def _draw_button(title: str, patch: dict[str, Any], is_chosen: bool, unset: str) -> str:
    """A choice; it is the one of a recipe that says nothing at `unset`, where that is given."""
    usual = f' data-unset="{unset}"' if unset else ""
    given = escape(json.dumps({"recipe": {"objective": patch}}))
    return (
        f'<button type="button" role="radio" aria-checked="{str(is_chosen).lower()}"{usual} data-set="{given}">'
        f"{foreign(title, 60)}</button>"
    )
