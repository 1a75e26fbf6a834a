"""Taking the model that is looked at away: its forms as a list, each written in the queue and then downloaded.

Knows what the browser is handed; how a form is written is for studio.exporting, whose turn it is for the queue.
"""

from typing import Any

from studio.errors import StudioError
from studio.models.reference import ModelRef
from studio.service import Studio
from studio.service.export_desk import Offered
from studio.ui.frame.handing import hand_out
from studio.ui.frame.signing_in import ADDRESS, offers_sign_in, read_name, read_token
from studio.ui.frame.visiting import Asking
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
        super().__init__(_FRAME, bind_acts(studio, *ACTS), **settings)


def list_forms(visit: Studio, asked: Any, request: Asking = None) -> dict[str, Any]:
    """Return every form of a model with its size, or why it has none; the model's task, and who is signed in."""
    offered = visit.exports.list_forms(part(asked, "model", str))
    told = ("form", "title", "summary", "purpose", "size", "refusal", "code")
    forms = [{**{name: getattr(one, name) for name in told}, "choices": _tell(one)} for one in offered]
    changes = visit.resolve_model(ModelRef(ref=part(asked, "model", str))).changes
    who = {"name": read_name(request), "sign_in": ADDRESS if offers_sign_in() else ""}
    return {"forms": forms, "task": changes[-1].recipe.task_id if changes else "", **who}


def _tell(offered: Offered) -> list[dict[str, Any]]:
    """The options of a form that are a choice; the others keep their default on the page."""
    fields = [field for field in offered.options if field.choices]
    return [{"name": one.name, "label": one.label, "choices": one.choices, "default": one.default} for one in fields]


def start_export(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put an export into the queue; one that was written already is found."""
    model, form, options = part(asked, "model", str), part(asked, "form", str), asked.get("options")
    return {"work": visit.exports.start(model, form, options, read_request(asked))}


def look_at_export(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return how far an export is, and its file once it is there."""
    work = part(asked, "work", str)
    status = visit.run_status(work)
    found = {"status": status.status, "position": status.position, "error": status.error}
    if status.status != "finished":
        return {key: value for key, value in found.items() if value is not None}
    file = hand_out(visit.exports.find_file(work), visit.visitor)
    return {"status": status.status, "path": file["path"], "name": file["orig_name"], "told": status.result or ""}


def push(visit: Studio, asked: Any, request: Asking = None) -> dict[str, Any]:
    """Put a model on the hub by the token that was typed, or that of who is signed in; private unless they say so."""
    model, form, repo, token = (part(asked, name, str) for name in ("model", "form", "repo", "token"))
    try:
        private = asked.get("public") is not True
        return {"url": visit.exports.push(model, form, repo, token or read_token(request), private)}
    except StudioError as error:
        return {"error": str(error), "field": error.field or ""}


ACTS = (list_forms, start_export, look_at_export, push)
"""What the list of forms asks, wherever it is drawn."""
