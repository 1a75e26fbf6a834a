"""Labels in doubt, the most doubtful first, each relabelled by a click.

Draws what studio.tasks.quality.doubts found; doubts.js asks for it once somebody looks. A click makes a new version.
"""

from typing import Any

from studio.models.reference import BUILTIN
from studio.service import Studio
from studio.tasks.edit import SetOutput
from studio.tasks.quality.doubts import LEAST_AGREED, Doubt, Doubts
from studio.tasks.task import Task
from studio.ui.frame.words import escape, foreign, number
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

MOST_SHOWN = 50
_LONGEST = 300
_FRAME = """<details class="studio more card" id="doubts"><summary>Which labels are in doubt?<span class="hint">
your model reads each text and learns the labels of nine tenths; it judges the rest, ten times</span></summary>
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
        return "<p>Only a task of at least 20 examples that are answered with a few labels can be judged.</p>"
    share = f"{round(100 * doubts.agreed)} %"
    if doubts.agreed < LEAST_AGREED:
        return (
            f"<p>It finds {share} of the labels by itself: too few for its doubts to mean anything. The "
            "texts alone don't tell these labels.</p>"
        )
    if not doubts.found:
        return f"<p>None. It finds {share} of the labels by itself and doubts no other.</p>"
    rest = len(doubts.found) - MOST_SHOWN
    more = f'<p class="hint">and {number(rest)} with less doubt</p>' if rest > 0 else ""
    rows = "".join(_draw_doubt(task, doubt) for doubt in doubts.found[:MOST_SHOWN])
    return (
        f"<p>It finds {share} of the labels by itself and doubts <strong>{number(len(doubts.found))}</strong>, the "
        f'most doubtful first. It can be wrong: look before you click.</p><ol class="doubt-list">{rows}</ol>{more}'
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
