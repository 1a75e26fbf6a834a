"""What to try after a run: what comes next by its objective, or change one thing; guess what will happen, then look.

Knows which single changes of a recipe teach something, and leaves out those that were tried; the Train step does them.
"""

import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

from studio.errors import StudioError
from studio.recipes.options import PRESETS
from studio.recipes.recipe import Recipe, merge_deep
from studio.runs.run import TRAINING
from studio.runs.status import ACTIVE, RunStatus
from studio.service import Studio
from studio.ui.frame.settings import leave_out_pinned
from studio.ui.frame.words import escape, foreign, number
from studio.ui.steps.compare.next_aims import propose_aims

MOST_TRIES = 3
FASTER = 10
"""So many times the learning rate: enough that its curve looks another."""
HARD_TASK = "studio013_odd_one"
"""The sample on which methods differ: the built-in base learns it in part."""


class Try(NamedTuple):
    """One change of a recipe, and the question to answer before looking."""

    title: str
    question: str
    patch: dict[str, Any]


def draw_tries(studio: Studio, run: RunStatus) -> str:
    """Return up to three changes of a run's recipe that nobody here has trained yet; nothing while it trains."""
    if run.status in ACTIVE or not run.can_ask:
        return ""
    try:
        read = studio.read_recipe(run.recipe)
    except StudioError:  # a recipe of other times
        return ""
    trained = [leave_out_pinned(one.recipe) for one in studio.list_runs() if one.kind == TRAINING]
    aims = ((one.title, one.question, _read(studio, one.recipe)) for one in propose_aims(studio, run, read))
    changes = propose_tries(read, find_rate(studio, read), _find_hard_task(studio))
    tries = ((one.title, one.question, _change(studio, read, one.patch)) for one in changes)
    new = (each for each in chain(aims, tries) if each[2] and each[2] not in trained)
    items = [_draw(*each) for each in islice(new, MOST_TRIES)]
    if not items:
        return ""
    return (
        '<section class="card stack" id="next-tries"><h2>What to try next</h2><p class="hint">Change one thing, guess '
        f'what will happen, then look.</p><ul class="plain stack">{"".join(items)}</ul></section>'
    )


def propose_tries(recipe: Recipe, rate: float | None, hard_task: str | None) -> Iterator[Try]:
    """Yield changes of one thing each, the most telling first; `hard_task` is the title of the hard sample."""
    rank = getattr(recipe.method, "rank", None)
    if isinstance(rank, int) and rank > 1:
        yield Try(
            f"Rank 1 instead of {rank}",
            f"{number(rank)} times fewer numbers train. Will it learn the task all the same?",
            {"method": {"name": recipe.method.name, "rank": 1}},
        )
    if rate is not None and rate * FASTER <= 1:
        yield Try(
            f"{FASTER} times the learning rate",
            f"{rate * FASTER:.2g} instead of {rate:.2g}. Will it learn sooner, or will the loss jump up?",
            {"training": {"learning_rate": float(f"{rate * FASTER:.2g}")}},
        )
    if hard_task and recipe.task_id != HARD_TASK and recipe.objective.name == "sft":
        yield Try(
            f"A harder task: {hard_task}",
            "The same training on a task that takes more. How many of ten will it get right?",
            {"task_id": HARD_TASK},
        )
    few, more = PRESETS["quick"].max_steps, PRESETS["one_minute"].max_steps
    if recipe.training.preset == "quick" and recipe.training.max_steps is None and recipe.training.epochs is None:
        yield Try(
            f"{more} steps instead of {few}",
            "Which of the answers that are wrong now will be right?",
            {"training": {"max_steps": more}},
        )


def find_rate(studio: Studio, recipe: Recipe) -> float | None:
    """Return the learning rate that a recipe comes to, None where its base can't be looked at."""
    if recipe.training.learning_rate is not None:
        return recipe.training.learning_rate
    try:
        parameters = studio.describe_model(recipe.model, recipe.revision).parameters
    except StudioError:
        return None
    return recipe.plan(parameters, 0).learning_rate


def _find_hard_task(studio: Studio) -> str | None:
    return next((card.title for card in studio.list_tasks() if card.task_id == HARD_TASK), None)


def _change(studio: Studio, recipe: Recipe, patch: dict[str, Any]) -> dict[str, Any]:
    """A recipe with a change, as a run would keep it; {} where that makes no recipe."""
    return _read(studio, merge_deep(leave_out_pinned(recipe.to_json()), patch))


def _read(studio: Studio, recipe: dict[str, Any]) -> dict[str, Any]:
    try:
        return leave_out_pinned(studio.read_recipe(recipe).to_json())
    except StudioError:
        return {}


def _draw(title: str, question: str, recipe: dict[str, Any]) -> str:
    patch = escape(json.dumps({"recipe": recipe, "step": "train"}))
    return (
        f'<li class="try"><span><strong>{foreign(title, 80)}</strong><br><span class="hint">'
        f'{escape(question)}</span></span><button type="button" class="btn" data-set="{patch}" data-whole '
        f'aria-label="Try it: {escape(title, 80)}">Try it</button></li>'
    )
