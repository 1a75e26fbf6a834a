"""Which objective comes after a run's own, as whole recipes: of pairs of the same task a preference run or a reward
model that starts from what the run made; after a reward model, PPO that learns from it. So RLHF is two clicks a step.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from studio.errors import StudioError
from studio.objectives import find_makes
from studio.recipes.recipe import Recipe
from studio.runs.status import RunStatus
from studio.service import Studio
from studio.tasks.kinds.preference import Preference
from studio.tasks.task import Task

ROUNDS = 20
"""So many rounds of answers are a good first look: they take a few times as long as other steps."""


class Next(NamedTuple):
    """What may come next, the question to answer before looking, and its whole recipe."""

    title: str
    question: str
    recipe: dict[str, Any]


def propose_aims(studio: Studio, run: RunStatus, recipe: Recipe) -> Iterator[Next]:
    """Yield the objectives that can follow a run, the likeliest first; none where there are no pairs for them."""
    made, kept = f"run:{run.run_id}", {"method": _choose_method(recipe), "precision": recipe.precision.name}
    if find_makes(recipe.objective.name) == "judge":
        yield Next(
            "Let its start learn from it (PPO)",
            f"The third step of RLHF: answers that {run.name} likes become likelier. Will they still be answers?",
            {
                **kept,
                "model": recipe.model,
                "task_id": recipe.task_id,
                "objective": {"name": "ppo", "rewards": [{"name": "learnt", "model": made}]},
                "training": {"max_steps": ROUNDS},
            },
        )
    elif recipe.objective.name == "sft" and (pairs := _find_pairs(studio, recipe)):
        heading = pairs.heading
        yield Next(
            f"Preferences (DPO): {heading}",
            "How often will its answers be of the better kind, and what does that cost?",
            {**kept, "model": made, "task_id": pairs.task_id, "objective": {"name": "dpo"}},
        )
        yield Next(
            f"A reward model: {heading}",
            "The second step of RLHF. Will it judge pairs that it never saw, and by more than their length?",
            {**kept, "model": made, "task_id": pairs.task_id, "objective": {"name": "reward"}},
        )


def _find_pairs(studio: Studio, recipe: Recipe) -> Task | None:
    """Pairs of a run's own task, or of one that asks for the same thing, the newest first."""
    try:
        own = studio.load_task(recipe.task_id)
        if own.kind == Preference.name:
            return own
        tasks = (
            studio.load_task(card.task_id) for card in reversed(studio.list_tasks()) if card.kind == Preference.name
        )
        return next((task for task in tasks if task.definition.strip() == own.definition.strip()), None)
    except StudioError:  # a task that is gone
        return None


def _choose_method(recipe: Recipe) -> dict[str, Any]:
    """The run's own method, or LoRA where that can't be switched off to ask the start."""
    method = recipe.method
    stays = method.can_merge and not method.saves_whole_model
    return method.model_dump(mode="json") if stays else {"name": "lora"}
