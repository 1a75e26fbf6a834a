"""The Model step: which model to start from, and what is known of it.

Knows the catalogue's cards, the look-up field and the table of facts. The choice itself is in the draft (recipe.model).
"""

import json
from typing import Any

import gradio as gr

from studio.checkpoints.description import MadeCard
from studio.errors import StudioError
from studio.models.catalogue import ModelCard, Size
from studio.models.device import DeviceFacts, Fit
from studio.models.facts import ModelFacts, guess_needed
from studio.models.hub import Hit
from studio.models.reference import BUILTIN
from studio.service import Studio
from studio.ui.frame.draft import change_draft, read_draft
from studio.ui.frame.first_visit import find_defaults
from studio.ui.frame.handler import LATEST, QUIET, in_words, say
from studio.ui.frame.planning import CARDS, find_planned
from studio.ui.frame.step import Signal, Step
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import escape, fit_pill, foreign, number, short_number, size, term
from studio.ui.steps.model.welcome import Welcome, show_welcome
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel, fresh

HEAD = """<div class="studio" id="step-model-choice">
<h1 class="question" tabindex="-1">Which model do you start from?</h1>
<p class="lead">A {base} already knows a language. You teach it one task. Start with the built-in one: it is small
enough for any computer and needs no network.</p></div>"""
FIND_HUB = "A word to search the Hugging Face Hub for, or an id such as HuggingFaceTB/SmolLM2-135M."
FIND_LOCAL = FIND_HUB[:-1] + ", or a folder on the computer that runs this studio."
LOOKING = '<p class="hint" role="status">Looking on this computer, then asking the Hugging Face Hub …</p>'
SIZES: dict[Size, str] = {
    "small": "From the hub: up to 1 B parameters · trains on a laptop",
    "medium": "From the hub: 1 to 4 B parameters · needs a GPU with 8 GB",
    "large": "From the hub: 7 and 8 B parameters · needs a GPU with 12 GB or more (4-bit)",
}
"""What a group of the hub's models is called."""
BASE, CHAT = "base", "chat"
"""What a model was made for: to continue a text, or to answer in a conversation."""
FITS: dict[Fit, str] = {
    "fits": "it fits here",
    "tight": "tight here",
    "not enough now": "not enough memory is free now",
    "too big": "too big for the memory here",
    "unknown": "size unknown",
}


class ModelStep(Step):
    """Which model to start from."""

    name = "model"
    title = "Model"
    position = 10
    signals = (
        Signal("model_shown", ("recipe.model", "card"), step="model", waits="model-facts"),
        Signal("welcome_shown", ("recipe.model", "recipe.task_id", "run"), step="model"),
    )

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        draw_model(studio, draft)


def draw_model(studio: Studio, draft: DraftBox) -> None:
    """Draw the step into the current context and wire it."""

    @in_words
    def show_model(value: dict[str, Any], request: Asking = None) -> tuple[str, str]:
        shown, visit = read_draft(value), seen_by(studio, request)
        chosen, card = str(shown["recipe"].get("model") or BUILTIN), find_planned(shown)
        return draw_cards(visit, chosen, card), fresh(draw_facts(visit, chosen, card))

    @in_words
    def look_up_model(name: str, request: Asking = None) -> tuple[dict[str, Any], str]:
        return look_up(seen_by(studio, request), name)

    @in_words
    def greet(value: dict[str, Any], request: Asking = None) -> str:
        return show_welcome(seen_by(studio, request), read_draft(value))

    first = {"recipe": find_defaults(studio)}
    welcome = Welcome(show_welcome(studio, first), elem_id="welcome")
    Panel(HEAD.format(base=term("base model")) + draw_places())
    # What most visits begin with is there from the first paint: nothing jumps.
    cards = Panel(draw_cards(studio, BUILTIN), elem_id="model-cards")
    with gr.Column(elem_classes="card lookup"):
        with gr.Row(elem_classes="lookup-row"):
            name = gr.Textbox(
                label="Another model",
                info=FIND_LOCAL if studio.local_folders else FIND_HUB,
                placeholder="owner/name or /path/to/folder" if studio.local_folders else "owner/name",
                max_lines=1,
                max_length=1000,
                elem_id="model-name",
                scale=5,
            )
            button = gr.Button("Look it up", elem_id="look-up", elem_classes="btn", scale=0, min_width=130)
        answer = Panel(elem_id="look-up-answer")
    facts = Panel(draw_facts(studio, BUILTIN), elem_id="model-facts")
    draft.model_shown(show_model, [draft], [cards, facts], **LATEST)
    draft.welcome_shown(greet, [draft], [welcome], **LATEST)
    asked = [button.click, name.submit]
    gr.on(asked, None, None, [answer], js=f"() => {json.dumps(LOOKING)}", **QUIET)
    gr.on(asked, look_up_model, [name], [draft.patch, answer], **QUIET)


def look_up(studio: Studio, name: object) -> tuple[dict[str, Any], str]:
    """Return the patch that chooses the model called `name`, and what to say under the field."""
    asked = str(name or "").strip()
    if not asked:
        return change_draft(), draw_complaint(
            "Write a model's name first, such as HuggingFaceTB/SmolLM2-135M, or the path of a folder."
        )
    try:
        if hits := _search(studio, asked):
            return change_draft(), draw_hits(asked, hits)
        facts = studio.describe_model(asked)
    except StudioError as error:
        return change_draft(), draw_complaint(str(error))
    except Exception as error:  # a library's own complaint about a strange folder: logged, and said as ours
        return change_draft(), draw_complaint(say(error))
    said = f'<p class="studio hint">{foreign(facts.title, 80)} is chosen. Its facts are below.</p>'
    return change_draft(recipe={"model": facts.ref, "revision": None}), said


def _search(studio: Studio, asked: str) -> list[Hit]:
    """What the hub has of such a name; nothing for a whole id, a path, and where the hub can't be asked."""
    if "/" in asked or "\\" in asked or asked == BUILTIN:
        return []
    try:
        return studio.search_models(asked)
    except StudioError:  # without a network: whether it is here is still to be seen
        return []


def draw_hits(asked: str, hits: list[Hit]) -> str:
    """Return what the hub found, each a button that chooses it."""
    rows = "".join(
        f'<li><button type="button" class="btn small" data-toggle data-set="'
        f'{escape(json.dumps({"recipe": {"model": hit.ref, "revision": None}}))}">{foreign(hit.ref, 90)}</button>'
        f'<span class="hint">{short_number(hit.downloads)} downloads a month'
        f"{', accept its terms on Hugging Face first' if hit.gated else ''}</span></li>"
        for hit in hits
    )
    return (
        '<div class="studio stack"><p class="hint" role="status">The most downloaded models of the hub whose names '
        f'hold {foreign(asked, 60)}:</p><ul class="hub-hits">{rows}</ul></div>'
    )


def draw_complaint(text: str) -> str:
    """Return HTML of an error beside its field."""
    return f'<p class="studio error-line" role="alert">{escape(text)}</p>'


def draw_places() -> str:
    """Return the choice of the computer that is planned for: the badges and all estimates follow it."""
    here = f'<button type="button" role="radio" data-set="{escape(json.dumps({"card": None}))}">This computer</button>'
    cards = "".join(
        f'<button type="button" role="radio" data-set="{escape(json.dumps({"card": gigabytes}))}" '
        f'title="{escape(name)}">{gigabytes} GB</button>'
        for gigabytes, name in CARDS.items()
    )
    return (
        '<div class="studio row" id="plan-for"><span class="label" id="plan-for-label">Plan for</span>'
        f'<div class="segments" role="radiogroup" aria-labelledby="plan-for-label">{here}{cards}</div>'
        '<span class="hint">the memory of a graphics card; training runs here all the same</span></div>'
    )


def draw_cards(studio: Studio, chosen: str, card: DeviceFacts | None = None) -> str:
    """Return the catalogue as cards, the hub's folded by size; a model that is not in it gets a card of its own.

    `card` is planned for instead of this computer.
    """
    device, listed, made = card or studio.device(), studio.list_models(), studio.list_made()
    first = [_draw_listed(card, device) for card in listed if card.local]
    if chosen not in {card.ref for card in listed} | {card.ref for card in made}:
        first.insert(
            0, _draw_card(chosen, chosen.rstrip("/").rsplit("/", 1)[-1] or chosen, f"Your own choice: {chosen}", [])
        )
    groups = "".join(
        _draw_group(size, [card for card in listed if card.size == size and not card.local], chosen, device)
        for size in SIZES
    )
    mine = _draw_made(studio, made) if made else ""
    return f'<div class="studio stack">{_draw_choice("Base model", first)}{mine}{groups}</div>'


def _draw_made(studio: Studio, made: list[MadeCard]) -> str:
    """What was trained here, to be trained further: on another task, or with more examples."""
    cards = [_draw_card(card.ref, card.title, _describe_made(studio, card), ["made here"]) for card in made]
    return (
        '<section class="stack" id="models-made"><h2>Made here</h2><p class="hint">A model that you trained already, '
        f"to train it further: it keeps what it learned.</p>{_draw_choice('Made here', cards)}</section>"
    )


def _describe_made(studio: Studio, card: MadeCard) -> str:
    try:
        title = studio.load_task(card.task_id).heading
    except StudioError:  # the task was deleted; what was learned is still there
        title = card.task_id
    return f"Learned {title} by {card.method}{_say_below(card.made_on)}"


def _say_below(runs: int) -> str:
    return "" if not runs else f", on top of {runs} other {'run' if runs == 1 else 'runs'}"


def _draw_group(size: Size, cards: list[ModelCard], chosen: str, device: DeviceFacts) -> str:
    shown = " open" if any(card.ref == chosen for card in cards) else ""
    names = ", ".join(card.title for card in cards)
    return (
        f'<details class="more card" id="models-{size}"{shown}><summary>{SIZES[size]}'
        f'<span class="hint"> {escape(names)}</span></summary>'
        f"{_draw_choice(SIZES[size], [_draw_listed(card, device) for card in cards])}</details>"
    )


def _draw_choice(label: str, cards: list[str]) -> str:
    return f'<div class="cards" role="radiogroup" aria-label="{escape(label)}">{"".join(cards)}</div>'


def _draw_listed(card: ModelCard, device: DeviceFacts) -> str:
    tags = [
        CHAT if card.chat else BASE,
        f"{short_number(card.parameters)} parameters",
        f"reads {number(card.context)} tokens",
        card.licence,
    ]
    if card.gated:
        tags.append("accept its terms on Hugging Face first")
    return _draw_card(card.ref, card.title, card.summary, tags, card.local, _draw_fit(card.parameters, device))


def _draw_fit(parameters: int, device: DeviceFacts) -> str:
    """Whether a model fits: said of another computer's card always, of this one where it doesn't."""
    fit = device.judge(guess_needed(parameters))
    if fit == "too big" and device.kind == "cuda" and device.judge(guess_needed(parameters, True)) in ("fits", "tight"):
        return fit_pill("fits", "fits in 4 bits")
    if device.is_imagined:
        return fit_pill(fit)
    return fit_pill(fit, FITS[fit]) if fit in ("too big", "not enough now") else ""


def _draw_card(ref: str, title: str, summary: str, tags: list[str], local: bool = False, warning: str = "") -> str:
    pills = "".join(f'<span class="pill">{escape(tag)}</span>' for tag in tags) + warning
    comes = '<span class="pill fits">comes with the studio</span>' if local else ""
    patch = escape(json.dumps({"recipe": {"model": ref, "revision": None}}))
    when = escape(json.dumps({"recipe": {"model": ref}}))
    return (
        f'<button type="button" class="card" role="radio" aria-checked="false" data-set="{patch}" data-when="{when}">'
        f'<span class="name">{foreign(title, 80)}</span><span class="hint">{foreign(summary, 220)}</span>'
        f'<span class="row tags">{comes}{pills}</span></button>'
    )


def draw_facts(studio: Studio, ref: str, card: DeviceFacts | None = None) -> str:
    """Return what is known of the chosen model, and of `card` or this computer; or why nothing is."""
    device = card or studio.device()
    try:
        facts = studio.describe_model(ref)
    except StudioError as error:
        return (
            f'<div class="studio wrong" role="alert"><h3>{foreign(ref, 80)} can\'t be used</h3><p>{escape(error)}</p>'
            f'<p><button type="button" class="btn small" data-set="{_BUILTIN}">Use the built-in '
            f"model</button></p></div>"
        )
    rows = "".join(_draw_fact(*fact) for fact in _list_facts(facts) if fact[1] is not None)
    fit = _draw_fit(facts.parameters, device) if facts.parameters else ""
    fit = fit or fit_pill(device.judge(facts.needed_bytes), FITS[device.judge(facts.needed_bytes)])
    free = f"{size(device.free_bytes)} of memory are free now. " if not card else ""
    return (
        f'<div class="studio two facts-box"><section class="card stack"><h2>{foreign(facts.title, 80)}</h2>'
        f'<table class="facts"><tbody>{rows}</tbody></table></section>'
        f'<section class="card stack"><h2>{_name_place(card)}</h2><p>{escape(_say_place(device))}</p><p>{fit}</p>'
        f'<p class="hint">{free}How much a run really needs depends on '
        f"the method; "
        f"the Method step shows it.</p></section></div>"
    )


def _name_place(card: DeviceFacts | None) -> str:
    return escape(card.name[:1].upper() + card.name[1:]) if card else "Where it trains"


def _say_place(device: DeviceFacts) -> str:
    return (
        "It is not here: you plan for it. Training runs where the studio runs."
        if device.is_imagined
        else device.sentence
    )


_BUILTIN = escape(json.dumps({"recipe": {"model": "builtin", "revision": None}}))


def _list_facts(facts: ModelFacts) -> list[tuple[str, str | None, str]]:
    def counted(value: int | None, unit: str = "") -> str | None:
        return None if value is None else number(value) + unit

    return [
        (term("parameter", "Parameters"), counted(facts.parameters), "numbers that make up the model"),
        (term("layer", "Layers"), counted(facts.layers), "stages the text passes through"),
        (term("width", "Width"), counted(facts.hidden_size), "numbers that represent one token inside"),
        (term("vocabulary", "Vocabulary"), counted(facts.vocabulary), "different tokens it knows"),
        (term("context", "Context"), counted(facts.context, " tokens"), "how much text it can look at in one go"),
        (
            "Stored in",
            escape(facts.stored, 60) if facts.stored else None,
            "already quantised: training starts from it as it is",
        ),
        (
            "Size on disk",
            None if facts.size_bytes is None else size(facts.size_bytes),
            "what it takes to keep or to download",
        ),
        (term("licence", "Licence"), escape(facts.licence or "not stated", 60), "what its authors allow"),
        ("Kind", escape(facts.family, 40), "the family of architectures it belongs to"),
        ("Chat template", "yes" if facts.has_chat_template else "no", "whether it comes with a format for chat turns"),
    ]


def _draw_fact(label: str, value: str | None, said: str) -> str:
    return f'<tr><th scope="row">{label}</th><td class="value">{value}</td><td class="said">{said}</td></tr>'
