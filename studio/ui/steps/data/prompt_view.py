"""What the model sees of one instance, token by token: what it only reads, and what it learns to write.

Computed by the code that training uses (studio.objectives.sight); drawn by prompt_view.js, where text is only ever
text. The encoding and the examples in the prompt can be tried here, and kept for the training.
"""

from typing import Any

from studio.errors import StudioError
from studio.objectives.sight import Piece
from studio.service import Studio
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

_FRAME = (
    '<section class="studio card stack sight" aria-label="What the model sees" data-state="empty" hidden></section>'
)
_LONGEST_TOKEN = 400


class PromptView(Scripted):
    """One instance of the task its value names: {"task_id", "version"}; a row of the table chooses which."""

    kind = "object"
    script = "steps/data/prompt_view.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        super().__init__(_FRAME, bind_acts(studio, see_tokens), value={}, **options)


def see_tokens(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the tokens of one instance as a run of the recipe would get them, and what can be chosen."""
    recipe, place = part(asked, "recipe", dict), part(asked, "place", int)
    try:
        instance, sight = visit.data.see(recipe, place)
    except StudioError as error:
        return {"error": str(error), "field": error.field or "", "choices": find_choices(visit, recipe)}
    return {
        "id": instance.id[:100],
        "total": sight.total,
        "learnt": sight.learnt,
        "limit": sight.limit,
        "fits": sight.fits,
        "pieces": list(map(_pack, sight.pieces)),
        "skipped": sight.skipped,
        "rest": list(map(_pack, sight.rest)),
        "choices": find_choices(visit, recipe),
    }


def find_choices(visit: Studio, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return what of the prompt can be chosen: the encodings, how many examples there are, and what is chosen now."""
    try:
        read = visit.data.read_recipe(recipe)
        task = visit.data.load_task(read)
        chosen = read.objective.model_dump()
        has_chat = visit.describe_model(read.model, read.revision).has_chat_template
    except StudioError:
        return {}
    if "template" not in chosen:
        return {}
    return {
        "objective": chosen | {"name": read.objective.name},
        "has_chat": has_chat,
        "positive": len(task.positive_examples),
        "negative": len(task.negative_examples),
    }


def _pack(piece: Piece) -> list[Any]:
    return [piece.text[:_LONGEST_TOKEN], piece.token, piece.learnt, piece.special]
