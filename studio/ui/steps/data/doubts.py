"""Labels in doubt, the most doubtful first, each relabelled by a click.

Draws what studio.tasks.quality.doubts found; doubts.js asks for it once somebody looks. A click makes a new version.
"""

from typing import Any

from studio.models.reference import BUILTIN
from studio.service import Studio
from studio.tasks.edit import SetOutput
from studio.tasks.quality.doubts import LEAST_AGREED, LEAST_INSTANCES, MOST_INSTANCES, Doubt, Doubts
from studio.tasks.task import Task
from studio.ui.frame.words import escape, foreign, number
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

MOST_SHOWN = 50
_LONGEST = 300
_UNREAD = """<p class="hint">It went by the letters alone: the model is not on this computer, or too large to read so
many texts while you wait.</p>"""
_FRAME = """<details class="studio more card" id="doubts"><summary>Which labels are in doubt?<span class="hint">
a small classifier learns the labels of nine tenths, from the letters of each text and from how your model reads it,
and judges the other tenth; so ten times</span></summary>
<div class="stack doubts-found" role="status"></div><p class="error-line" role="alert"></p></details>"""


class DoubtList(Scripted):
    """The labels in doubt of the draft's task, folded."""

    script = "steps/data/doubts.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        super().__init__(_FRAME, bind_acts(studio, list_doubts, relabel), **options)


def list_doubts(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the labels in doubt as HTML."""
    task_id, model = part(asked, "task_id", str), asked.get("model")
    doubts = visit.inside.find_doubts(task_id, model if isinstance(model, str) and model else BUILTIN)
    return {"html": draw_doubts(visit.load_task(task_id), doubts)}


def relabel(visit: Studio, asked: Any) -> dict[str, Any]:
    """Give an instance another label, as a new version; of a sample, in a copy. Raises EditConflict."""
    edit = SetOutput(
        id=part(asked, "id", str), output=(part(asked, "label", str),), before=(part(asked, "before", str),)
    )
    return {"task_id": visit.labels.edit(part(asked, "task_id", str), [edit]).task_id}


def draw_doubts(task: Task, doubts: Doubts | None) -> str:
    """Return the list, or why there is none."""
    if doubts is None:
        least, most = number(LEAST_INSTANCES), number(MOST_INSTANCES)
        return (
            f"<p>Only a task of {least} to {most} examples, each answered with one of a few labels, can be judged.</p>"
        )
    return _draw_found(task, doubts) + ("" if doubts.is_read else _UNREAD)


def _draw_found(task: Task, doubts: Doubts) -> str:
    share = f"{round(100 * doubts.agreed)} %"
    if doubts.agreed < LEAST_AGREED:
        return (
            f"<p>The classifier finds {share} of the labels by itself: too few for its doubts to mean anything. The "
            "texts alone don't tell these labels.</p>"
        )
    if not doubts.found:
        return f"<p>None. The classifier finds {share} of the labels by itself and doubts no other.</p>"
    rest = len(doubts.found) - MOST_SHOWN
    more = f'<p class="hint">and {number(rest)} with less doubt</p>' if rest > 0 else ""
    rows = "".join(_draw_doubt(task, doubt) for doubt in doubts.found[:MOST_SHOWN])
    return (
        f"<p>The classifier finds {share} of the labels by itself and doubts <strong>{number(len(doubts.found))}"
        "</strong>, the most doubtful first. It can be wrong: look before you click.</p>"
        f'<ol class="doubt-list">{rows}</ol>{more}'
    )


def _draw_doubt(task: Task, doubt: Doubt) -> str:
    instance = task.instances[doubt.place]
    return (
        f'<li><span class="doubt-text">{foreign(instance.input or instance.key, _LONGEST)}</span>'
        f'<span class="pill warn">{foreign(instance.output[0], 60)}</span>'
        f'<button type="button" class="btn small" data-relabel="{escape(instance.id)}" '
        f'data-before="{escape(instance.output[0])}" data-label="{escape(doubt.likelier)}">Make it '
        f"{foreign(doubt.likelier, 60)}</button></li>"
    )
