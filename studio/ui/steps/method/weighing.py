"""What a recipe comes to, as the page says it: the bar's sentence, the numbers, and the matrix to draw.

Knows `studio.estimate` and words; errors of a choice become text that the page sets beside the field they belong to.
While
the speed of such steps is unknown, it is measured once, in a thread of its own, and the page asks again.
"""

import json
import threading
from typing import Any, NamedTuple

from studio.errors import DeviceError, StudioError
from studio.estimates.estimate import Estimate
from studio.models.device import DeviceFacts
from studio.models.reference import ModelRef
from studio.service import Studio
from studio.tasks.mixture import name_mixture
from studio.ui.frame.draft import read_draft
from studio.ui.frame.handler import log, say
from studio.ui.frame.planning import find_planned, put_on
from studio.ui.frame.words import (
    about,
    duration,
    epochs,
    escape,
    fit_pill,
    foreign,
    number,
    percent,
    size,
    term,
    total_number,
)
from studio.ui.steps.data.mixing import find_weights
from studio.works.export import name_model

MEMORY_WORDS = {
    "program": "the program",
    "context": "what the card's driver takes",
    "base weights": "the model",
    "reward models": "the reward model",
    "kernels": "code made for each size of batch",
    "copies": "a copy of it in 16 bits, for speed",
    "adapter": "what is trained",
    "unpacked head": "the output layer, unpacked to 32 bits",
    "gradients": "gradients",
    "optimiser": "the optimiser's memory",
    "activations": "activations",
    "logits": "output scores (logits)",
    "spare": "memory the allocator keeps",
}


class Weighed(NamedTuple):
    """HTML of the bar, HTML of the numbers, and the value of the picture (None: leave it as it is)."""

    bar: str
    numbers: str
    picture: dict[str, Any] | None


def weigh_recipe(studio: Studio, value: object) -> Weighed:
    """Return what the recipe of a draft comes to."""
    draft = read_draft(value)
    recipe, card = draft["recipe"], find_planned(draft)
    recipe = put_on(recipe, card) if card else recipe
    try:
        read = studio.read_recipe(recipe)
        estimate = studio.estimate(recipe, card)
    except StudioError as error:
        return Weighed(_draw_bar_without_numbers(studio, recipe, error), _draw_error(error), None)
    except Exception as error:  # a library's complaint about a strange model: logged, and said as ours
        return Weighed(_draw_bar_without_numbers(studio, recipe, error), _draw_error(error), None)
    again = not card and estimate.seconds is None and measure_once(studio, recipe, estimate.kind.key)
    return Weighed(
        _draw_bar(studio, read, estimate, card),
        _draw_numbers(estimate, read, again, card, _tell_ranks(estimate, draft["recipe"])),
        _find_picture(estimate, read),
    )


_measuring: dict[tuple[str, str], threading.Thread] = {}  # of each workspace, by the kind of step


def measure_once(studio: Studio, recipe: object, kind: str) -> bool:
    """Measure a recipe's kind of step in a thread of its own, once a workspace. Returns whether it is still to come."""
    key = str(studio.workspace.folder), kind
    if key not in _measuring:
        _measuring[key] = threading.Thread(target=_measure, args=(studio, recipe, key), daemon=True, name="measure")
        _measuring[key].start()
    thread = _measuring.get(key)
    return thread is not None and thread.is_alive()


def _measure(studio: Studio, recipe: object, key: tuple[str, str]) -> None:
    try:
        studio.measure_device(recipe)
    except DeviceError:  # a run has it: whoever looks later asks again
        _measuring.pop(key, None)
    except Exception as error:  # times are a courtesy: without them the page says "not measured"
        log.warning("The device could not be measured: %s", error)


def _part(step: str, shown: str, label: str) -> str:
    return f'<button type="button" data-go="{step}" title="Change {label}">{shown}</button>'


def _draw_bar(studio: Studio, recipe: Any, estimate: Estimate, card: DeviceFacts | None) -> str:
    model, task = _names(studio, recipe.to_json())
    time = f", planned for {card.name}" if card else ""
    if estimate.seconds is not None:
        time = f', <span data-takes="{about(estimate.seconds)}">about {duration(estimate.seconds)}</span> here'
    return (
        f'<p class="studio recipe">{_part("model", model, "the model")} learns {_part("data", task, "the task")} '
        f"({number(estimate.examples)} examples) by {_part('method', escape(recipe.method_words), 'the method')}: "
        f'<strong data-count="trainable">{number(estimate.trainable)}</strong><span class="of-all"> of '
        f'<span data-count="total">{total_number(estimate.base, estimate.total)}</span> parameters '
        f'(<span data-count="percent">{percent(estimate.percent)}</span>)</span>{time}.</p>'
    )


def _draw_bar_without_numbers(studio: Studio, recipe: dict[str, Any], error: Exception) -> str:
    model, task = _names(studio, recipe)
    method = recipe.get("method")
    name = method.get("name") if isinstance(method, dict) else method
    return (
        f'<p class="studio recipe">{_part("model", model, "the model")} learns {_part("data", task, "the task")} by '
        f"{_part('method', escape(name or 'LoRA', 40), 'the method')}. <span "
        f'class="error-line">{escape(say(error), 240)}</span></p>'
    )


def _names(studio: Studio, recipe: dict[str, Any]) -> tuple[str, str]:
    model, task_id = str(recipe.get("model") or "builtin"), recipe.get("task_id")
    try:
        title = name_model(ModelRef(ref=model))
    except StudioError:  # no address yet
        title = model
    try:
        heading = studio.load_task(str(task_id)).heading if task_id else "a task"
        task = name_mixture(heading, len(find_weights(recipe.get("mixture"))))
    except StudioError:
        task = "a task"
    return foreign(title, 50), foreign(task, 60)


def _draw_error(error: Exception) -> str:
    field = getattr(error, "field", None) or "recipe"
    words = say(error)
    return (
        f'<div class="studio stack" data-errors="{escape(json.dumps({field: words}))}">'
        f'<div class="wrong" role="alert"><h3>One setting needs attention</h3>'
        f"<p>{escape(words)}</p></div></div>"
    )


def _tell_ranks(estimate: Estimate, recipe: dict[str, Any]) -> str:
    """An attribute of which the browser tells the numbers of other ranks at once (numbers.js); "" where it can't."""
    if estimate.per_rank is None:
        return ""
    told = {
        "recipe": recipe,
        "each": {"trainable": estimate.per_rank, "saved_bytes": estimate.bytes_per_rank},
        "trainable": estimate.trainable,
        "base": estimate.base,
        "total": estimate.total,
        "saved_bytes": estimate.adapter_bytes,
    }
    return f' data-ranks="{escape(json.dumps(told))}"'


def _draw_numbers(estimate: Estimate, recipe: Any, again: bool, card: DeviceFacts | None, ranks: str) -> str:
    full = recipe.method.saves_whole_model
    time = (
        f"about {duration(estimate.seconds)}"
        if estimate.seconds is not None
        else "not known"
        if card
        else "measuring…"
        if again
        else "not measured here"
    )
    needed = estimate.memory_bytes
    share = min(100, 100 * (needed or 0) / max(1, estimate.free_bytes))
    parts = "".join(
        f"<tr><th>{escape(MEMORY_WORDS.get(name, name))}</th><td class='value'>{size(amount)}</td></tr>"
        for name, amount in estimate.memory.items()
        if amount
    )
    most = escape(MEMORY_WORDS.get(estimate.largest or "", estimate.largest or "unknown"))
    held = f"{'unknown' if needed is None else size(needed)} of {size(estimate.free_bytes)}{'' if card else ' free'}"
    notes = "".join(f'<p class="hint">{foreign(note, 300)}</p>' for note in estimate.notes)
    return f"""<div class="studio stack" data-errors="{{}}"
   {' data-again="2500"' if again else ""}{ranks}>
<div><div class="num hero" id="trainable" data-count="trainable">{number(estimate.trainable)}</div>
<p>of <span data-count="total">{total_number(estimate.base, estimate.total)}</span>
{term("parameter", "parameters")} train: <strong
class="num" data-count="percent">{percent(estimate.percent)}</strong></p></div>
<div class="bar" role="img" aria-label="{percent(estimate.percent)} of the parameters train"><i
data-count="share" style="width:{estimate.percent:.3f}%"></i></div>
<table class="facts"><tbody>
<tr><th scope="row">{term("adapter", "Saved file")}</th><td class="value"
data-count="size">{size(estimate.adapter_bytes)}</td>
<td class="said">{"a whole model" if full else "only what was trained"}</td></tr>
<tr><th scope="row">Time</th><td class="value">{time}</td><td class="said">{number(estimate.steps)}
{term("step", "steps")}, {epochs(estimate.epochs, estimate.examples)}</td></tr>
<tr><th scope="row">{term("memory", "Memory")}</th><td class="value">{held}</td>
<td class="said">{fit_pill(estimate.fits)}</td></tr>
</tbody></table>
<div class="bar{"" if estimate.fits == "fits" else " warn"}" role="img" aria-label="Memory: {held}"><i
style="width:{share:.1f}%"></i></div>
{draw_change(estimate)}{_draw_plan(card) if card else ""}{notes}
<details class="more" id="memory-parts"><summary>What the memory is for (most: {most})</summary><table
class="facts"><tbody>{parts}</tbody></table></details></div>"""


def _draw_plan(card: DeviceFacts) -> str:
    """Say which card the numbers are for, and the way back to this computer."""
    here = escape(json.dumps({"card": None}))
    return (
        f'<p class="hint" id="planned">Planned for {escape(card.name)}, which is not here: how long it takes can only '
        f'be measured on one. <button type="button" class="btn small" data-set="{here}">Plan for what is here'
        "</button></p>"
    )


def draw_change(estimate: Estimate) -> str:
    """Return the smallest change that makes a recipe fit, with a button that does it; nothing where it fits."""
    if estimate.fits in ("fits", "unknown"):
        return ""
    if estimate.change is None:
        advice = "choose a smaller model."
        if estimate.fits != "too big":
            advice = f"wait until what else uses the memory has ended, or {advice}"
        return f'<p class="hint" id="fitting">Nothing on this page makes it fit: {advice}</p>'
    patch, needed = escape(json.dumps({"recipe": estimate.change.patch})), size(estimate.change.needed_bytes)
    return (
        f'<p class="hint" id="fitting">{escape(estimate.change.words)} Then it needs {needed}. '
        f'<button type="button" class="btn small" data-set="{patch}">Do that</button></p>'
    )


def _find_picture(estimate: Estimate, recipe: Any) -> dict[str, Any]:
    matrix = estimate.matrix
    return {
        "name": matrix.name,
        "rows": matrix.rows,
        "columns": matrix.columns,
        "rank": matrix.rank,
        "kind": "whole" if recipe.method.saves_whole_model else "pair" if matrix.is_pair else "parts",
        "follows": "rank" in type(recipe.method).model_fields,
        "parts": [[part.name.rsplit(".", 1)[-1], part.rows, part.columns] for part in matrix.parts],
        "alpha": getattr(recipe.method, "alpha", None),
        "scaled_by": "sqrt" if recipe.method.name == "rslora" else "rank",
        "touches": recipe.method.touches,
        "bits": 4 if recipe.precision.name == "nf4" else 8 if recipe.precision.quantised else 16,
    }
