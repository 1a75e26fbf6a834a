"""The Method step: how it should learn, and at once what that comes to.

Knows the cards, presets and forms; the forms are made from the declarations of `studio.methods` and `Training`. The
numbers
beside them come from `studio.ui.steps.method.weighing`, the picture is drawn in the browser.
"""

import json
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.evidence.few_labels import find_shots
from studio.methods import METHODS, Method
from studio.objectives import OBJECTIVES
from studio.objectives.watching import MOST_REWARDS
from studio.precisions import PRECISIONS
from studio.recipes.options import PRESETS, Training
from studio.service import Studio
from studio.ui.frame.draft import read_draft
from studio.ui.frame.form import draw_form
from studio.ui.frame.handler import LATEST, in_words
from studio.ui.frame.step import Signal, Step
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import escape, term
from studio.ui.steps.method.aims import draw_aims
from studio.ui.steps.method.cards import draw_cards
from studio.ui.steps.method.cards import draw_waiting as draw_waiting_cards
from studio.ui.steps.method.change import Change
from studio.ui.steps.method.drawers import draw_drawers
from studio.ui.steps.method.group import TryGroup, draw_tries
from studio.ui.steps.method.picture import Picture
from studio.ui.steps.method.table import draw_methods, draw_waiting, weigh_method
from studio.ui.steps.method.weighing import weigh_recipe
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel, fresh
from studio.ui.widgets.server_act import bind_acts

HEAD = """<div class="studio"><h1 class="question" tabindex="-1">How should it learn?</h1>
<p class="lead">Training can change every number of the model, or only a thin {adapter} beside it. Less to train
needs less memory, and
often learns just as well.</p></div>"""
WAITING = """<div class="studio stack loading"><div class="num hero">…</div><p>Counting what trains. The first count
loads the libraries,
which takes some seconds.</p></div>"""

_RULES = tuple(
    f"recipe.objective.{rules}.{what}"
    for rules in ("rewards", "watched")
    for what in ("length", *(f"{place}.{name}" for place in range(MOST_REWARDS) for name in ("name", "model")))
)
"""Which rules there are; what is typed into them draws nothing again."""


class MethodStep(Step):
    """How it should learn."""

    name = "method"
    title = "Method"
    position = 30
    signals = (
        Signal(
            "method_shown",
            (
                "recipe.model",
                "recipe.method.name",
                "recipe.precision",
                "recipe.task_id",
                "recipe.objective.name",
                *_RULES,
                "recipe.training.preset",
            ),
            step="method",
        ),
        Signal(
            "methods_wanted",
            ("recipe.model", "recipe.task_id", "recipe.precision", "recipe.training"),
            step="method",
            unfolded="all-methods",
        ),
        Signal("cards_wanted", ("recipe",), step="method", unfolded="other-cards"),
    )

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        draw_method(studio, draft)


def draw_method(studio: Studio, draft: DraftBox) -> None:
    """Draw the step into the current context and wire it; the recipe bar shows the same numbers."""

    @in_words
    def show_method(value: dict[str, Any], request: Asking) -> tuple[str, str, str]:
        recipe, visit = read_draft(value)["recipe"], seen_by(studio, request)
        return draw_aims(visit, recipe), draw_method_cards(studio, recipe), draw_choices(visit, recipe)

    @in_words
    def weigh(value: dict[str, Any], request: Asking) -> tuple[Any, ...]:
        weighed = weigh_recipe(seen_by(studio, request), value)
        return weighed.bar, fresh(weighed.numbers), gr.skip() if weighed.picture is None else weighed.picture

    @in_words
    def compare(value: dict[str, Any], request: Asking) -> str:
        return draw_methods(seen_by(studio, request), read_draft(value)["recipe"])

    @in_words
    def plan_elsewhere(value: dict[str, Any], request: Asking) -> str:
        return draw_cards(seen_by(studio, request), read_draft(value)["recipe"])

    Panel(HEAD.format(adapter=term("adapter")))
    with gr.Row(elem_classes="two method-columns"):
        with gr.Column(elem_classes="method-choices"):
            aims = Panel(elem_id="method-aims")
            # there from the first paint: what else stands here waits for the libraries where nobody asked before
            cards = Panel(draw_method_cards(studio, {}), elem_id="method-cards", min_height=150)
            table = Panel(
                draw_waiting(len(METHODS.members)),
                bind_acts(studio, weigh_method),
                script="steps/method/table.js",
                elem_id="method-comparison",
            )
            form = Panel(elem_id="method-form", min_height=480)
            TryGroup(studio, elem_id="try-group", elem_classes="studio")
        with gr.Column(elem_classes="card beside"):
            numbers = Panel(WAITING, script="steps/method/numbers.js", elem_id="numbers", min_height=306)
            cards_elsewhere = Panel(draw_waiting_cards(), elem_id="elsewhere")
            Change(studio, elem_id="change")
            picture = Picture(elem_id="matrix", min_height=375)
    draft.method_shown(show_method, [draft], [aims, cards, form], **LATEST)
    draft.methods_wanted(compare, [draft], [table], **LATEST)
    draft.cards_wanted(plan_elsewhere, [draft], [cards_elsewhere], **LATEST)
    draft.recipe_changed(weigh, [draft], [draft.bar, numbers, picture], **LATEST)


def draw_choices(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return what is set once a method is chosen: preset, the method's own fields, and the rest in drawers."""
    method, cls = find_method(recipe)
    training = recipe.get("training")
    training = training if isinstance(training, dict) else {}
    planned = find_planned(studio, recipe)
    aim = recipe.get("objective")
    aim = aim if isinstance(aim, dict) else {"name": aim}
    aims = OBJECTIVES.members
    objective = aims.get(str(aim.get("name"))) or next(iter(aims.values()))
    usual = draw_form(Training, "training", training, planned, advanced=False, leave_out=("preset",))
    return f"""<div class="studio form-stack">
<p class="hint" id="method-when">{escape(_say_when(cls, recipe))} <a href="{escape(cls.paper)}" target="_blank"
rel="noopener">The paper</a></p>
<div class="field"><span class="label" id="preset-label">{term("preset", "Preset")}</span>{draw_presets()}
<span class="error-line" data-error-for="training.preset"></span></div>
{draw_form(cls, "method", method, advanced=False)}
<div class="fields">{usual}</div>
{draw_tries(cls.model_fields, training.get("learning_rate") or planned.get("learning_rate"), find_shots(recipe))}
{draw_drawers(cls, method, training, planned, objective, aim, draw_precisions(recipe))}</div>"""


def _say_when(cls: type[Method], recipe: dict[str, Any]) -> str:
    """When to choose a method; on a quantised base also what that costs and saves."""
    precision = PRECISIONS.members.get(str(recipe.get("precision")))
    return f"{cls.when} {precision.summary}" if precision and precision.quantised else cls.when


def find_method(recipe: dict[str, Any]) -> tuple[dict[str, Any], type[Method]]:
    """Return a draft's method as it is there, and its class (LoRA where it names none)."""
    method = recipe.get("method")
    method = method if isinstance(method, dict) else {"name": method}
    return method, METHODS.members.get(str(method.get("name") or "lora")) or METHODS.members["lora"]


def draw_method_cards(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return a card for each method people choose most, and one for the chosen one where it is another."""
    plain = studio.device().usual_precision
    whole = [one for one, precision in PRECISIONS.members.items() if not precision.quantised]
    lora, full = METHODS.members["lora"], METHODS.members["full"]
    first, quantised = {"method": {"name": "lora"}}, {"method": {"name": "lora"}, "precision": "nf4"}
    every = {"method": {"name": "full"}}
    cards = [
        _draw_card(lora.title, lora.summary, {**first, "precision": plain}, {**first, "precision": whole}, "lora"),
        _draw_card(
            "QLoRA",
            "LoRA beside a base in 4 bits (nf4): the frozen weights take about a quarter of 16-bit. Steps are slower.",
            quantised,
            quantised,
            "qlora",
        ),
        _draw_card(full.title, full.summary, {**every, "precision": plain}, {**every, "precision": whole}, "full"),
    ]
    chosen = find_method(recipe)[1]
    if chosen not in (lora, full):
        own = {"method": {"name": chosen.name}}
        cards.append(_draw_card(chosen.title, chosen.summary, own, own, chosen.name))
    look = "three" if len(cards) == 3 else "four"
    return (
        '<div class="studio stack">'
        f'<div class="cards {look}" role="radiogroup" aria-label="Method" id="methods">{"".join(cards)}</div>'
        '<span class="error-line" data-error-for="method.name"></span></div>'
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


def draw_precisions(recipe: dict[str, Any]) -> str:
    """Return the precisions as a row of buttons, with what each means, or why the method can't train on it."""
    method = read_method(recipe)
    buttons, words = [], []
    for name, cls in PRECISIONS.members.items():
        refusal = method.refuses(cls()) if method else None
        off = f' disabled title="{escape(refusal)}"' if refusal else ""
        choice = escape(json.dumps({"recipe": {"precision": name}}))
        buttons.append(
            f'<button type="button" role="radio" aria-checked="false" id="precision-{name}"{off} '
            f'data-set="{choice}">{escape(cls.title)}</button>'
        )
        words.append(f"<li><strong>{escape(cls.title)}</strong>: {escape(refusal or cls.summary)}</li>")
    return (
        f'<div class="field"><span class="label" '
        f'id="precision-label">{term("precision", "Precision of the frozen model")}</span>'
        f'<div class="segments" role="radiogroup" aria-labelledby="precision-label">{"".join(buttons)}</div>'
        f'<span class="error-line" data-error-for="precision"></span>'
        f'<ul class="hint plainlist">{" ".join(words)}</ul></div>'
    )


def read_method(recipe: dict[str, Any]) -> Method | None:
    """Return a draft's method with its settings, as it usually is where one is wrong, None where it names none."""
    given, cls = find_method(recipe)
    for data in (given, cls.name):
        try:
            return METHODS.read(data)
        except StudioError:
            continue
    return None


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
    plan = read.plan(parameters, 0)
    return {
        "max_steps": plan.steps,
        "batch_size": plan.batch_size,
        "learning_rate": plan.learning_rate,
        "epochs": "not used",
        "evaluate_every": plan.evaluate_every,
        "save_every": plan.save_every,
        "sample_every": plan.sample_every,
        "patience": plan.patience,
    }
