"""The Method step: how it should learn, and at once what that comes to.

Knows the cards, presets and forms; the forms are made from the declarations of `studio.methods` and `Training`. The
numbers
beside them come from `studio.ui.weighing`, the picture is drawn in the browser.
"""

import json
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.methods import METHODS
from studio.objectives import OBJECTIVES
from studio.precisions import PRECISIONS
from studio.runs.training import PRESETS, Training
from studio.service import Studio
from studio.ui.draft import read_draft
from studio.ui.form import draw_form
from studio.ui.handler import LATEST, in_words
from studio.ui.visiting import Asking, seen_by
from studio.ui.weighing import weigh_recipe
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel, fresh
from studio.ui.widgets.picture import Picture
from studio.ui.words import escape, term

HEAD = """<div class="studio"><h2 class="question" tabindex="-1">How should it learn?</h2>
<p class="lead">Training can change every number of the model, or only a thin {adapter} beside it. Less to train
needs less memory, and
often learns just as well.</p></div>"""
WAITING = """<div class="studio stack loading"><div class="num hero">…</div><p>Counting what trains. The first count
loads the libraries,
which takes some seconds.</p></div>"""


def draw_method(studio: Studio, draft: DraftBox, bar: Panel) -> None:
    """Draw the step into the current context and wire it; `bar` is the recipe bar, which shows the same numbers."""

    @in_words
    def show_method(value: dict[str, Any], request: Asking) -> str:
        return draw_choices(seen_by(studio, request), read_draft(value)["recipe"])

    @in_words
    def weigh(value: dict[str, Any], request: Asking) -> tuple[Any, ...]:
        weighed = weigh_recipe(seen_by(studio, request), value)
        return weighed.bar, fresh(weighed.numbers), gr.skip() if weighed.picture is None else weighed.picture

    Panel(HEAD.format(adapter=term("adapter")))
    with gr.Row(elem_classes="two method-columns"):
        form = Panel(elem_id="method-form", min_height=640)
        with gr.Column(elem_classes="card beside"):
            numbers = Panel(WAITING, elem_id="numbers", min_height=306)
            picture = Picture(elem_id="matrix", min_height=375)
    draft.method_shown(show_method, [draft], [form], **LATEST)
    draft.recipe_changed(weigh, [draft], [bar, numbers, picture], **LATEST)


def draw_choices(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return the left side: cards, preset, the method's own fields, and everything else under More."""
    method = recipe.get("method")
    method = method if isinstance(method, dict) else {"name": method}
    cls = METHODS.members.get(str(method.get("name") or "lora")) or METHODS.members["lora"]
    training = recipe.get("training")
    training = training if isinstance(training, dict) else {}
    planned = find_planned(studio, recipe)
    aim = recipe.get("objective")
    aim = aim if isinstance(aim, dict) else {"name": aim}
    aims = OBJECTIVES.members
    objective = aims.get(str(aim.get("name"))) or next(iter(aims.values()))
    unusual = draw_form(Training, "training", training, planned, advanced=True)
    usual = draw_form(Training, "training", training, planned, advanced=False, leave_out=("preset",))
    return f"""<div class="studio form-stack">
{draw_method_cards(studio, recipe)}
<div class="field"><span class="label" id="preset-label">{term("preset", "Preset")}</span>{draw_presets()}
<span class="error-line" data-error-for="training.preset"></span></div>
{draw_form(cls, "method", method, advanced=False)}
<div class="fields">{usual}</div>
<details class="more card" id="more"><summary>More: precision, schedule, prompt, seed …</summary>
<div class="form-stack">
{_draw_group(f"How {cls.title} works", draw_form(cls, "method", method, advanced=True))}
{draw_precisions()}
{_draw_group("How it trains", unusual)}
{_draw_group("What the model is shown", draw_form(objective, "objective", aim))}</div></details></div>"""


def _draw_group(heading: str, fields: str) -> str:
    return (
        f'<section class="stack"><h4>{escape(heading)}</h4><div class="fields">{fields}</div></section>'
        if fields
        else ""
    )


def draw_method_cards(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return a card for each method, and one for QLoRA: LoRA on a 4-bit base."""
    plain = "fp32" if studio.device().kind == "cpu" else "bf16"
    cards = []
    for name, cls in METHODS.members.items():
        own = {"method": {"name": name}}
        others = [one for one, precision in PRECISIONS.members.items() if not precision.quantised]
        when = {**own, "precision": others} if name in ("lora", "full") else own
        cards.append(_draw_card(cls.title, cls.summary, {**own, "precision": plain}, when, name))
        if name == "lora":
            cards.append(
                _draw_card(
                    "QLoRA",
                    "LoRA beside a base rounded to 4 bits: models four times larger fit.",
                    {**own, "precision": "nf4"},
                    {**own, "precision": "nf4"},
                    "qlora",
                )
            )
    return (
        f'<div class="cards three" role="radiogroup" aria-label="Method" id="methods">{"".join(cards)}</div>'
        '<span class="error-line" data-error-for="method.name"></span>'
    )


def _draw_card(title: str, summary: str, patch: dict[str, Any], when: dict[str, Any], key: str) -> str:
    return (
        f'<button type="button" class="card" role="radio" aria-checked="false" id="method-{key}" '
        f'data-set="{escape(json.dumps({"recipe": patch}))}" data-when="{escape(json.dumps({"recipe": when}))}">'
        f'<span class="name">{escape(title)}</span><span class="hint">{escape(summary)}</span></button>'
    )


def draw_presets() -> str:
    """Return the presets as a row of buttons."""
    buttons = "".join(
        f'<button type="button" role="radio" aria-checked="false" id="preset-{name}" title="{escape(preset.hint)}" '
        f'data-set="{escape(json.dumps({"recipe": {"training": {"preset": name}}}))}">{escape(preset.title)}</button>'
        for name, preset in PRESETS.items()
    )
    return f'<div class="segments" role="radiogroup" aria-labelledby="preset-label" id="presets">{buttons}</div>'


def draw_precisions() -> str:
    """Return the precisions as a row of buttons, with what each means."""
    buttons = "".join(
        f'<button type="button" role="radio" aria-checked="false" id="precision-{name}" '
        f'data-set="{escape(json.dumps({"recipe": {"precision": name}}))}">{escape(cls.title)}</button>'
        for name, cls in PRECISIONS.members.items()
    )
    words = " ".join(
        f"<li><strong>{escape(cls.title)}</strong>: {escape(cls.summary)}</li>" for cls in PRECISIONS.members.values()
    )
    return (
        f'<div class="field"><span class="label" '
        f'id="precision-label">{term("precision", "Precision of the frozen model")}</span>'
        f'<div class="segments" role="radiogroup" aria-labelledby="precision-label">{buttons}</div>'
        f'<span class="error-line" data-error-for="precision"></span><ul class="hint plainlist">{words}</ul></div>'
    )


def find_planned(studio: Studio, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return what the blank fields come to, for their placeholders; {} where the recipe can't be read yet."""
    bare = {key: value for key, value in recipe.items() if key != "training"}
    training = recipe.get("training")
    preset = training.get("preset") if isinstance(training, dict) else None
    try:
        read = studio.read_recipe({**bare, "training": {"preset": preset}})
        parameters = studio.describe_model(read.model, read.revision).parameters
    except StudioError:
        return {}
    plan = read.training.plan(read.method, parameters, 0)
    return {
        "max_steps": plan.steps,
        "batch_size": plan.batch_size,
        "learning_rate": plan.learning_rate,
        "epochs": "not used",
        "evaluate_every": plan.evaluate_every,
        "save_every": plan.save_every,
        "sample_every": plan.sample_every,
    }
