"""The Data step: what the model should learn. Sample tasks, your own file, and everything that is in the chosen
task.

Everything shown of a task is foreign text: it is escaped and has its own reading direction. The choice is in the draft
(recipe.task_id, recipe.task_version).
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.estimates.lengths import TokenLengths, find_room
from studio.objectives.card import list_fitting
from studio.service import Studio
from studio.tasks.split import split_task
from studio.tasks.store import TaskCard
from studio.tasks.task import Example, Task
from studio.ui.frame.draft import read_draft
from studio.ui.frame.handler import LATEST, in_words, say
from studio.ui.frame.step import Signal, Step
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import escape, foreign, number, term
from studio.ui.steps.data.arrival import Arrival, draw_fetch_from, import_file
from studio.ui.steps.data.by_hand import ByHand
from studio.ui.steps.data.doubts import DoubtList
from studio.ui.steps.data.mixing import draw_mixing
from studio.ui.steps.data.prompt_view import PromptView
from studio.ui.steps.data.quality import Quality
from studio.ui.steps.data.rows import Rows
from studio.ui.steps.data.shelf import Shelf
from studio.ui.steps.data.views import Views
from studio.ui.steps.data.which_way import draw_which_way
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel, fresh

HEAD = """<div class="studio"><h1 class="question" tabindex="-1">What should it learn?</h1>
<p class="lead">A task is one {definition} and many {instances} of it. Choose a sample, or upload
your own file.</p></div>"""
UPLOAD_HINT = """<div class="studio stack"><h2>Your own task</h2><p class="hint">A
<strong>Natural-Instructions</strong> file (a definition, examples, and instances with an input and an output),
or what you have: Alpaca, chats of OpenAI or ShareGPT, CSV, Excel, Parquet, running text, a ZIP of many. At most
50&nbsp;MB. The format is detected from the content. Drop it here; it stays on the computer that runs this
studio.</p>{more}</div>"""
SCORES_HINT = (
    "The bars: how many answers were exactly right, before and after a run with the preset Standard, on examples "
    "it never saw."
)
LENGTHS_WAITING = '<div class="studio hint">Measuring how long the examples are …</div>'


class DataStep(Step):
    """What it should learn."""

    name = "data"
    title = "Data"
    position = 20
    signals = (
        Signal("task_shown", ("recipe.task_id", "recipe.task_version"), step="data", waits="task-view"),
        Signal("mixture_shown", ("recipe.task_id", "recipe.mixture"), step="data"),
        Signal(
            "lengths_wanted",
            (
                "recipe.task_id",
                "recipe.task_version",
                "recipe.model",
                "recipe.method",
                "recipe.objective.name",
                "recipe.training.max_length",
            ),
            step="data",
            waits="task-lengths",
        ),
    )

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        draw_data(studio, draft)


def draw_data(studio: Studio, draft: DraftBox) -> None:
    """Draw the step into the current context and wire it."""

    @lru_cache(maxsize=200)
    def find_example(task_id: str, version: str) -> Example | None:
        return choose_example(studio.tasks.load_task(task_id, version))  # of a card that is shown

    @in_words
    def show_task(value: dict[str, Any], request: Asking) -> tuple[Any, ...]:
        recipe, visit = read_draft(value)["recipe"], seen_by(studio, request)
        shown = find_edition(visit, recipe)
        return draw_cards(visit, find_example), fresh(draw_task(visit, recipe)), shown, shown, shown

    @in_words
    def show_mixture(value: dict[str, Any], request: Asking) -> str:
        return fresh(draw_mixing(seen_by(studio, request), read_draft(value)["recipe"]))

    @in_words
    def measure_lengths(value: dict[str, Any], request: Asking) -> str:
        return fresh(draw_lengths(seen_by(studio, request), read_draft(value)["recipe"]))

    @in_words
    def upload_task(path: str | None, request: Asking) -> tuple[dict[str, Any], str, None]:
        patch, report = import_file(seen_by(studio, request), path)
        return patch, fresh(report), None

    Panel(HEAD.format(definition=term("definition", "instruction"), instances=term("instance", "examples")))
    Views()
    with gr.Column(elem_id="data-choose", elem_classes="data-view"):
        cards = Panel(draw_cards(studio, find_example), elem_id="task-cards")
        Panel(draw_which_way(studio.device().usual_precision), elem_id="task-way")
        file = draw_upload(studio)
        ByHand(studio, elem_id="task-by-hand")
        report = Arrival(studio, elem_id="task-report")
        Shelf(studio, elem_id="task-shelf")
        mixing = Panel(elem_id="task-mixing")
    with gr.Column(elem_id="data-check", elem_classes="data-view"):
        quality = Quality(studio, elem_id="task-quality")
        DoubtList(studio, elem_id="task-doubts")
        lengths = Panel(LENGTHS_WAITING, elem_id="task-lengths", min_height=86)
    with gr.Column(elem_id="data-look", elem_classes="data-view"):
        view = Panel(elem_id="task-view", min_height=420)
        rows = Rows(studio, elem_id="task-rows", min_height=400)
        sight = PromptView(studio, elem_id="task-sight")
    draft.task_shown(show_task, [draft], [cards, view, rows, quality, sight], **LATEST)
    draft.mixture_shown(show_mixture, [draft], [mixing], **LATEST)
    draft.lengths_wanted(measure_lengths, [draft], [lengths], **LATEST)
    file.upload(
        upload_task,
        [file],
        [draft.patch, report, file],
        queue=False,
        show_progress="minimal",
        show_progress_on=report,
        api_visibility="private",
    )


def choose_example(task: Task) -> Example | None:
    """Return what a card shows of a task: its first worked example, or the first instance that has an answer."""
    answered = (Example(input=one.input, output=one.output[0]) for one in task.instances if one.input and one.output)
    return next(iter(task.positive_examples), None) or next(answered, None)


def draw_upload(studio: Studio) -> gr.File:
    """Draw where a file is uploaded, with what one may be, and return it."""
    with gr.Row(elem_classes="two upload-row card"):
        Panel(UPLOAD_HINT.format(more=draw_fetch_from(studio.local_folders)))
        return gr.File(
            label="Your file (up to 50 MB)",
            file_count="single",
            type="filepath",
            elem_id="task-file",
            height=130,
            show_label=True,
        )


def find_edition(studio: Studio, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return which task to show in which version, {} if it can't be shown; another version is another value."""
    version = recipe.get("task_version")
    try:
        task = studio.load_task(str(recipe.get("task_id")), str(version) if version else None)
    except StudioError:
        return {}
    return {"task_id": task.task_id, "version": task.version}


def draw_cards(studio: Studio, find_example: Callable[[str, str], Example | None]) -> str:
    """Return the tasks as cards, samples first, each with one example of what it asks."""
    cards = studio.list_tasks()
    if not cards:
        return (
            '<div class="studio empty">No tasks yet. Drop a Natural-Instructions file below, and it appears here.</div>'
        )
    drawn = "".join(_draw_card(card, _find_quietly(find_example, card)) for card in cards)
    legend = f'<p class="studio hint legend">{SCORES_HINT}</p>' if any(map(find_scores, cards)) else ""
    return f'<div class="studio cards" role="radiogroup" aria-label="Task">{drawn}</div>{legend}'


def _find_quietly(find_example: Callable[[str, str], Example | None], card: TaskCard) -> Example | None:
    try:
        return find_example(card.task_id, card.version)
    except StudioError:  # a card without its example is still a card
        return None


def _draw_card(card: TaskCard, example: Example | None = None) -> str:
    aim = {"objective": {"name": list_fitting(card.kind)[0]}}
    patch = escape(json.dumps({"recipe": {"task_id": card.task_id, "task_version": None, "mixture": [], **aim}}))
    when = escape(json.dumps({"recipe": {"task_id": card.task_id}}))
    scores = _draw_scores(card)
    mine = '<span class="pill">yours</span>' if card.source == "yours" else ""
    shown = ""
    if example:
        shown = (
            f'<span class="sample"><span>{foreign(example.input, 110)}</span>'
            f'<span class="becomes">{foreign(example.output, 110)}</span></span>'
        )
    return (
        f'<button type="button" class="card" role="radio" aria-checked="false" data-set="{patch}" data-when="{when}">'
        f'<span class="name">{foreign(card.title, 90)}</span><span class="hint">{number(card.instances)} examples '
        f"{mine}</span>{shown}{scores}</button>"
    )


def find_scores(card: TaskCard) -> tuple[float, float] | None:
    """Return (base, tuned): percent of the test set answered correctly; None if this version was not measured."""
    scores = card.scores or {}
    if scores.get("task_version", card.version) != card.version:
        return None
    percents = [
        float(percent)
        for side in ("base", "tuned")
        if isinstance(part := scores.get(side), dict)
        and isinstance(percent := part.get("test"), int | float)
        and 0 <= percent <= 100
    ]
    return (percents[0], percents[1]) if len(percents) == 2 else None


def find_prompted(card: TaskCard) -> tuple[float, float] | None:
    """Return (examples, percent): how often the base alone was right with so many examples in its prompt."""
    found = (card.scores or {}).get("prompted")
    if not find_scores(card) or not isinstance(found, dict):
        return None
    examples, percent = found.get("examples"), found.get("test")
    return (examples, percent) if isinstance(examples, int) and isinstance(percent, int | float) else None


def _draw_scores(card: TaskCard) -> str:
    found = find_scores(card)
    if not found:
        return ""
    base, tuned = found
    shown = find_prompted(card)
    prompted = (
        f'<span class="hint prompted">base, shown {shown[0]:.0f} examples: {shown[1]:.0f} %</span>' if shown else ""
    )
    return (
        f'<span class="scores"><span class="hint">base <strong class="num">{base:.0f} %</strong></span>'
        f'<span class="bar" aria-hidden="true"><i style="width:{tuned:.0f}%"></i>'
        f'<b style="width:{base:.0f}%"></b></span>'
        f'<span class="hint">tuned <strong class="num">{tuned:.0f} %</strong></span>{prompted}</span>'
    )


def draw_task(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return everything but the instances of the chosen task, as a readable card."""
    task_id, version = recipe.get("task_id"), recipe.get("task_version")
    if not task_id:
        return '<div class="studio empty">Choose a task above to see what is in it.</div>'
    try:
        task = studio.load_task(str(task_id), str(version) if version else None)
    except StudioError as error:
        return f'<div class="studio wrong" role="alert"><h3>This task can\'t be shown</h3><p>{escape(error)}</p></div>'
    avoid = _draw_text("Things to avoid", task.things_to_avoid) + _draw_text("Emphasis and caution", task.emphasis)
    good = _draw_examples(term("positive example", "Positive examples"), task.positive_examples, "good")
    bad = _draw_examples(term("negative example", "Negative examples"), task.negative_examples, "bad")
    return (
        f'<div class="studio card stack task"><div><h2>{foreign(task.heading, 160)}</h2>'
        f"{_draw_origin(task)}</div>"
        f"<div><h3>{term('definition', 'Definition')}</h3><p "
        f'class="prose">{foreign(task.definition, 4000)}</p></div>{avoid}'
        f'<div class="two">{good}{bad}</div>{_draw_parts(task)}</div>'
    )


def _draw_text(heading: str, text: str) -> str:
    return f'<div><h3>{heading}</h3><p class="prose">{foreign(text, 2000)}</p></div>' if text.strip(" -") else ""


def _draw_origin(task: Task) -> str:
    said = [
        ", ".join(task.categories[:3]),
        "Source: " + ", ".join(task.source[:3]) if task.source else "",
        "Licence: " + ", ".join(task.instance_license[:3]) if task.instance_license else "",
    ]
    line = " · ".join(part for part in said if part)
    return f'<p class="hint">{foreign(line, 240)}</p>' if line else ""


def _draw_examples(heading: str, examples: tuple[Example, ...], kind: str) -> str:
    if not examples:
        return f'<section><h3>{heading}</h3><p class="hint">None in this task.</p></section>'
    shown = "".join(_draw_example(example, kind) for example in examples[:3])
    rest = "".join(_draw_example(example, kind) for example in examples[3:20])
    more = f'<details class="more"><summary>{len(examples) - 3} more</summary>{rest}</details>' if rest else ""
    return f'<section class="stack"><h3>{heading}</h3>{shown}{more}</section>'


def _draw_example(example: Example, kind: str) -> str:
    why = f'<p class="hint">{foreign(example.explanation, 600)}</p>' if example.explanation.strip() else ""
    better = f'<p class="hint">Better: {foreign(example.suggestion, 400)}</p>' if example.suggestion.strip() else ""
    return (
        f'<div class="example {kind}"><p><span class="hint">Input</span> {foreign(example.input, 1200)}</p>'
        f'<p><span class="hint">Output</span> <strong>{foreign(example.output, 600)}</strong></p>{why}{better}</div>'
    )


def _draw_parts(task: Task) -> str:
    try:
        split = split_task(task)
    except StudioError as error:
        return f'<div class="wrong"><h3>Too small to learn from</h3><p>{escape(error)}</p></div>'
    total = max(1, len(task.instances))
    parts = [
        ("train", "training part", "train, to learn from", len(split.train)),
        ("validation", "validation part", "validation, to choose the checkpoint", len(split.validation)),
        ("test", "test set", "test, to score", len(split.test)),
    ]
    bars = "".join(f'<i class="{name}" style="flex:{max(count, total // 60)}"></i>' for name, _, _, count in parts)
    said = "".join(
        f'<li class="{name}"><strong class="num">{number(count)}</strong> {term(word, said)}</li>'
        for name, word, said, count in parts
    )
    return (
        f'<div><h3><span class="num">{number(len(task.instances))}</span> {term("instance", "examples")}, split '
        f"the same way "
        f'each time</h3><div class="split" aria-hidden="true">{bars}</div><ul class="splitlegend">{said}</ul></div>'
    )


def draw_lengths(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return how long the task's examples are in tokens of the chosen model."""
    if not recipe.get("task_id"):
        return ""
    try:
        read = studio.data.read_recipe(recipe)
        found = studio.token_lengths(str(recipe["task_id"]), str(recipe.get("model") or "builtin"), read.objective)
        limit = find_room(read, found)
    except StudioError as error:
        return f'<p class="studio hint">The lengths in tokens can\'t be measured: {escape(error)}</p>'
    except Exception as error:  # a tokenizer's own complaint: logged, and said as ours
        return f'<p class="studio hint">The lengths in tokens can\'t be measured: {escape(say(error))}</p>'
    return f'<div class="studio card lengths">{_say_lengths(found, limit)}</div>'


def _say_lengths(found: TokenLengths, limit: int) -> str:
    all_fit = found.longest <= limit
    fit = f'<span class="pill {"fits" if all_fit else "warn"}">{"all fit" if all_fit else "not all fit"}</span>'
    return (
        f'<p>With instruction and answer, an example is <strong class="num">{number(found.median)}</strong> '
        f"{term('token', 'tokens')} long (median); the longest has <strong "
        f'class="num">{number(found.longest)}</strong>. '
        f"{fit} into the {number(limit)} tokens a row may have.</p>"
    )
