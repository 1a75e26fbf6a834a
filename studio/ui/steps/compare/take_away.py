"""Taking the model that is looked at away: its forms as a list, each written in the queue and then downloaded.

Knows what the browser is handed; how a form is written is for studio.exporting, whose turn it is for the queue.
"""

from typing import Any

from studio.service import Studio
from studio.ui.frame.handing import hand_out
from studio.ui.steps.train.run_desk import read_request
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

_FRAME = """<details class="studio more card away" id="take-away" data-state="folded" hidden><summary>Take it away<span
class="hint"> as an adapter, as a whole model, as the recipe that made it</span></summary><ul class="away-forms"></ul>
<p class="error-line" role="alert"></p></details>"""


class TakeAway(Scripted):
    """The forms of `draft.run` at the checkpoint that is asked; hidden while there is no run."""

    script = "steps/compare/take_away.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_FRAME, bind_acts(studio, list_forms, start_export, look_at_export), **settings)


def list_forms(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return every form of a model, with the reason where it has none."""
    offered = visit.exports.list_forms(part(asked, "model", str))
    told = ("form", "title", "summary", "purpose", "refusal")
    return {"forms": [{name: getattr(one, name) for name in told} for one in offered]}


def start_export(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put an export into the queue; one that was written already is found."""
    model, form = part(asked, "model", str), part(asked, "form", str)
    return {"work": visit.exports.start(model, form, request=read_request(asked))}


def look_at_export(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return how far an export is, and its file once it is there."""
    work = part(asked, "work", str)
    status = visit.run_status(work)
    found = {"status": status.status, "position": status.position, "error": status.error}
    if status.status != "finished":
        return {key: value for key, value in found.items() if value is not None}
    file = hand_out(visit.exports.find_file(work), visit.visitor)
    return {"status": status.status, "path": file["path"], "name": file["orig_name"], "size": file["size"]}
