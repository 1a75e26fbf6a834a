"""What a first visit begins with: a recipe that shows within half a minute what fine-tuning is.

Knows which sample and settings; nothing of how they are drawn.
"""

from typing import Any

from studio.objectives import USUAL
from studio.service import Studio

FIRST_TASK = "studio002_question"
"""The sample that a first visit starts with: learnt within the quick preset, and everyone can tell at once."""


def find_defaults(studio: Studio) -> dict[str, Any]:
    """Return the recipe of a first visit: built-in model, a sample, LoRA, the quick preset."""
    tasks = [card.task_id for card in studio.list_tasks()]
    first = {"task_id": FIRST_TASK if FIRST_TASK in tasks else tasks[0]} if tasks else {}
    return {
        "model": "builtin",
        **first,
        "method": {"name": "lora"},
        "objective": {"name": USUAL},
        "precision": studio.device().usual_precision,
        "training": {"preset": "quick"},
    }
