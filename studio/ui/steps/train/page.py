"""The Train step: what will happen and one big button; then the run as it happens, until there is a model to talk to.

Draws the plan (made by the server from the draft) and places three custom components that follow `draft.run` in the
browser: the desk, the live chart and the sample answers. Which of them shows is decided by what the run is, read
again after a reload.
"""

from typing import Any

import gradio as gr

from studio.errors import NotFoundError, StudioError
from studio.estimates.estimate import Estimate
from studio.models.device import Fit
from studio.service import Studio
from studio.ui.frame.draft import read_draft
from studio.ui.frame.handler import LATEST, say
from studio.ui.frame.settings import is_other, read_settings, say_settings
from studio.ui.frame.step import Signal, Step
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import about, epochs, escape, number, percent, size, term, total_number
from studio.ui.steps.train.live_chart import LiveChart
from studio.ui.steps.train.run_desk import RunDesk, SampleAnswers
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

STEP_OF_FIELD = {"task_id": "data", "task_version": "data", "model": "model", "revision": "model"}
"""Where to repair what a recipe's field says; everything else is repaired on the Method step."""

WARNINGS: dict[Fit, str] = {
    "too big": "This will probably not fit into memory. QLoRA or a smaller batch needs less.",
    "not enough now": "This needs more memory than is free now. Wait until what else uses it has ended; QLoRA or "
    "a smaller batch needs less.",
}
"""What is said of a training before it is started, by how it fits."""

_HEAD = """
<h1 class="question" tabindex="-1">Train it</h1>
<p class="lead">The model sees your examples batch by batch, and adjusts its {trainable} numbers a little
each time.</p>"""

_WAITING = """
<div class="card plan" data-plan data-state="loading"><p class="hint">Working out what this training will cost …</p>
<div class="row"><button type="button" class="btn primary big" disabled>Train</button></div></div>"""


class TrainStep(Step):
    """The run as it happens."""

    name = "train"
    title = "Train"
    position = 40
    signals = (Signal("train_shown", ("run", "recipe"), step="train"),)

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        draw_train(studio, draft)


def draw_train(studio: Studio, draft: DraftBox) -> None:
    """Draw the step into the current column and wire it to the draft."""

    def show_plan(value: dict[str, Any], request: Asking) -> str:
        return draw_plan(seen_by(studio, request), read_draft(value))

    def refresh_plan(value: dict[str, Any], request: Asking) -> Any:
        chosen = read_draft(value)
        return draw_plan(seen_by(studio, request), chosen) if chosen["step"] == "train" else gr.skip()

    Panel(_HEAD.format(trainable=term("trainable")), elem_classes="studio")
    plan = Panel(_WAITING, elem_id="plan", elem_classes="studio")
    RunDesk(studio, elem_id="desk", elem_classes="studio")
    with gr.Row(elem_id="live", elem_classes="studio", equal_height=False):
        LiveChart(studio, elem_id="chart", elem_classes="studio")
        SampleAnswers(elem_id="samples", elem_classes="studio")
    draft.train_shown(show_plan, [draft], [plan], **LATEST)
    draft.recipe_changed(refresh_plan, [draft], [plan], **LATEST)  # fires too when this computer's speed became known


def draw_plan(studio: Studio, draft: dict[str, Any]) -> str:
    """Return the HTML of what the big button will do; beside a run, only if the settings are other than its own."""
    recipe, run = draft["recipe"], draft["run"]
    if run:
        try:
            if not is_other(studio, recipe, run):
                return ""
        except NotFoundError:
            run = None
        except StudioError as error:
            return f'<p class="error-line">{escape(error)}</p>'
    try:
        estimate = studio.estimate(recipe)
    except StudioError as error:
        return "" if run else _refused(error)
    except Exception as error:  # a bug of an estimate must not keep anyone from training
        say(error)
        estimate = None
    if run:
        return _again(studio, recipe, estimate)
    return _plan(estimate)


def train_words(seconds: float | None) -> str:
    """Return what the big button says: "Train for about 40 seconds"; "Train" when nobody knows how long."""
    return "Train" if seconds is None else f"Train for {about(seconds)}"


def _plan(estimate: Estimate | None) -> str:
    numbers, warning, seconds = "", "", None
    if estimate is not None:
        numbers, seconds = _numbers(estimate), estimate.seconds
        warning = f'<p class="error-line">{WARNINGS[estimate.fits]}</p>' if estimate.fits in WARNINGS else ""
    return f"""
<div class="card plan" data-plan data-state="ready">
  <div class="plan-numbers">{numbers}</div>
  {warning}
  <div class="row"><button type="button" class="btn primary big" data-act="start">{train_words(seconds)}</button>
  <p class="hint">It goes on when you close this page. You can stop it at any step and keep what it learnt.</p></div>
  <p class="error-line" role="alert" data-refusal></p>
</div>
<div class="empty small">The loss curve will appear here (lower is better), and what the model answers.</div>"""


def _numbers(estimate: Estimate) -> str:
    share = f"{percent(estimate.percent)} of {total_number(estimate.base, estimate.total)}"
    needed = "?" if estimate.memory_bytes is None else size(estimate.memory_bytes)
    free = f"{size(estimate.free_bytes)} free: {escape(estimate.fits)}"
    return "".join(
        (
            _number(number(estimate.trainable), f"{term('trainable')} numbers, {share}"),
            _number(number(estimate.steps), f"{term('step', 'steps')}, {epochs(estimate.epochs, estimate.examples)}"),
            _number(needed, f"{term('memory')} of {free}"),
            _number(size(estimate.adapter_bytes), f"for each saved {term('checkpoint')}"),
        )
    )


def _number(value: str, words: str) -> str:
    return f'<div><b class="num hero">{escape(value)}</b><span class="hint">{words}</span></div>'


def _refused(error: StudioError) -> str:
    step = STEP_OF_FIELD.get((error.field or "").split(".")[0], "method")
    return f"""
<div class="card plan" data-plan data-state="refused">
  <p class="error-line">{escape(error)}</p>
  <div class="row"><button type="button" class="btn primary big" disabled>Train</button>
  <button type="button" class="btn" data-go="{step}">Back to {step.capitalize()}</button></div>
</div>"""


def _again(studio: Studio, recipe: dict[str, Any], estimate: Estimate | None) -> str:
    time = "" if estimate is None or estimate.seconds is None else f", {about(estimate.seconds)}"
    words = say_settings(read_settings(studio, recipe, look=False))
    return f"""
<div class="notice next" data-plan data-state="changed"><span><strong>New settings are waiting:</strong>
{escape(words)}. The run below was trained with others.</span>
<button type="button" class="btn primary" data-act="start">Train these settings{escape(time)}</button>
<span class="error-line" role="alert" data-refusal></span></div>"""
