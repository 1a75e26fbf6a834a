"""Merging models and taking them away from another program, as named endpoints; exports come as files.

What isn't written yet is put into the queue, and the answer comes when it is.
"""

from studio.service import Studio
from studio.ui.frame.handing import hand_out
from studio.ui.frame.signing_in import read_token
from studio.ui.frame.visiting import Asking, seen_by


class AwayEndpoints:
    """The endpoints by which models become one, and leave; each method is one."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def merge(self, order: dict, request: Asking) -> dict:
        """Make one model of several of one base: {"model": "merge:calm-heron", "result", "rank", "explained", ...}.

        `order` is {"way": "ties", "parents": [{"model": "run:NAME@STEP", "weight": 0.5}, ...]}, with the way's own
        options and, if you like, "result" (auto, exact, svd or full), "rank" and "name".
        """
        card = seen_by(self._studio, request).merges.merge(order)
        return {"model": card.address, **card.model_dump(mode="json")}

    def export(self, model: str, form: str, request: Asking, options: dict | None = None) -> dict:
        """A model as one file: adapter, merged, gguf, ollama, recipe, script, notebook, report or page.

        `model` is an address, such as "run:brave-otter@120"; `options` are the form's own, such as {"numbers": "f16"}.
        """
        visit = seen_by(self._studio, request)
        return hand_out(visit.exports.export(model, form, options), visit.visitor)

    def push(self, model: str, form: str, repo: str, token: str, request: Asking, private: bool = True) -> dict:
        """Put a model on the Hugging Face Hub, exported as a form: {"url"}. Private unless you say otherwise.

        The form "data" puts a task there as a data set, `model` being its id. `repo` is your-name/my-model, `token` one
        of yours that may write; it is used once and kept nowhere. Who is signed in may leave it empty.
        """
        exports = seen_by(self._studio, request).exports
        return {"url": exports.push(model, form, repo, token or read_token(request), private)}
