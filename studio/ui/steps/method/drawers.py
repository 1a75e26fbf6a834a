"""Everything that is seldom set, in drawers with a search over them: adapter, precision, training, saving, prompt.

Knows which field lies in which drawer; the fields themselves are made from their declarations.
"""

from studio.methods import Method
from studio.objectives import Objective
from studio.recipes.options import Training
from studio.ui.frame.form import draw_form
from studio.ui.frame.words import escape
from studio.ui.steps.method.snapping import draw_snapping

SAVING = ("evaluate_every", "save_every", "sample_every", "patience", "keep_checkpoints")
COMPUTING = ("attention", "mixed_precision", "gradient_checkpointing", "max_length", "gradient_accumulation")


def draw_drawers(
    method: type[Method],
    method_values: dict[str, object],
    training: dict[str, object],
    planned: dict[str, object],
    objective: type[Objective],
    aim: dict[str, object],
    precisions: str,
) -> str:
    """Return the drawers, closed; what is typed into the search opens those that hold it (drawers.js)."""
    advanced = [name for name, field in Training.model_fields.items() if _is_advanced(field)]

    def draw_training(names: list[str]) -> str:
        left = tuple(name for name in Training.model_fields if name not in names)
        return draw_form(Training, "training", training, planned, advanced=True, leave_out=left)

    optimising = [name for name in advanced if name not in (*SAVING, *COMPUTING)]
    drawers = (
        ("adapter", f"How {method.title} works", draw_form(method, "method", method_values, advanced=True)),
        ("precision", "Precision of the frozen model", precisions + draw_snapping()),
        ("optimising", "Optimiser, schedule, seed", draw_training(optimising)),
        ("computing", "Length, memory and speed", draw_training(list(COMPUTING))),
        ("saving", "Measuring, saving, early stopping", draw_training(list(SAVING))),
        ("prompt", "What the model is shown", draw_form(objective, "objective", aim)),
    )
    search = (
        '<div class="field drawer-search"><label for="drawer-search">More settings</label>'
        '<input type="search" id="drawer-search" placeholder="Find a setting: warm-up, seed, 4-bit …" '
        'autocomplete="off" aria-controls="drawers"></div>'
    )
    return f'<section class="stack" id="drawers">{search}{"".join(_draw_drawer(*each) for each in drawers)}</section>'


def _is_advanced(field: object) -> bool:
    extra = getattr(field, "json_schema_extra", None)
    return isinstance(extra, dict) and bool(extra.get("advanced"))


def _draw_drawer(name: str, title: str, fields: str) -> str:
    if not fields:
        return ""
    inner = fields if name == "precision" else f'<div class="fields">{fields}</div>'
    return f'<details class="more card" id="drawer-{name}"><summary>{escape(title)}</summary>{inner}</details>'
