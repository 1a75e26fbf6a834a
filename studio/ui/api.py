"""The studio from another program: a few named endpoints, the same words as the page. JSON in, JSON out.

Everything that arrives is foreign: types are checked here, meaning is checked by `studio.service`. A recipe may be
an object or its text. Nothing else of the page is public. In a shared studio the header `x-studio-visitor` says who
asks, with a secret that the program made up.
"""

from typing import Any

import gradio as gr

from studio.answering.decoding import ANSWER_TOKENS
from studio.answering.question import read_question
from studio.errors import InputError
from studio.service import Studio
from studio.ui.away_api import AwayEndpoints
from studio.ui.evidence_api import EvidenceEndpoints
from studio.ui.frame.given import check_integer, check_text, say_type
from studio.ui.frame.handler import in_words
from studio.ui.frame.upload import check_upload
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.objective_api import ObjectiveEndpoints
from studio.ui.runs_api import RunEndpoints, tell_reading

OPEN = ("list_models", "list_objectives")
"""The endpoints that answer everybody alike."""
WHOSE = (
    " In a shared studio, runs and tasks belong to who made them: send the header x-studio-visitor with a secret of "
    'your own (32 to 200 letters, digits, - and _), as in Client(url, headers={"x-studio-visitor": secret}).'
)


class Endpoints:
    """What another program can ask of a studio: a method each, whose docstring is what `view_api` says of it."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def list_models(self) -> list:
        """Base models worth starting with: [{"ref", "title", "summary", "licence", "parameters", "context"}]."""
        return [card.model_dump(mode="json") for card in self.studio.list_models()]

    def list_tasks(self, request: Asking) -> list:
        """The tasks you may use: [{"task_id", "title", "kind", "instances", "source", "version"}]."""
        return [card.model_dump(mode="json") for card in seen_by(self.studio, request).list_tasks()]

    def import_task(self, file: dict, request: Asking, encoding: str = "", part: str = "") -> dict:
        """Keep a file as a task: {"task_id", "instances", "warnings"}; `encoding` and `part` say how to read it."""
        path, name = check_upload(file)
        how = {"encoding": check_text(encoding, "encoding"), "part": check_text(part, "part")}
        reading = seen_by(self.studio, request).import_task(path, name, **how)
        return tell_reading(reading)

    def estimate(self, recipe: dict | str, request: Asking) -> dict:
        """What a recipe will cost: {"trainable", "total", "percent", "memory_bytes", "seconds", ...}."""
        return seen_by(self.studio, request).estimate(check_recipe(recipe)).model_dump(mode="json")

    def start_run(self, recipe: dict | str, asking: Asking, request: str = "") -> dict:
        """Put a run into the queue: {"run_id"}. The same non-empty request never makes two runs."""
        click = check_text(request, "request", 100)
        return {"run_id": seen_by(self.studio, asking).start_run(check_recipe(recipe), click)}

    def run_status(self, run_id: str, request: Asking) -> dict:
        """How a run is doing: {"status", "step", "of", "loss", "position", "wait_seconds", ...}."""
        return seen_by(self.studio, request).run_status(check_text(run_id, "run_id")).model_dump(mode="json")

    def run_events(self, run_id: str, request: Asking, offset: int = 0) -> dict:
        """What happened in a run after an offset: {"events", "offset", "status"}; pass the offset back next time."""
        start = check_integer(offset, "offset", 0, 2**62)
        return seen_by(self.studio, request).run_events(check_text(run_id, "run_id"), start).model_dump(mode="json")

    def stop_run(self, run_id: str, request: Asking) -> dict:
        """Ask a run to stop after its step and save: {"run_id", "status"}."""
        visit = seen_by(self.studio, request)
        visit.stop_run(check_text(run_id, "run_id"))
        return {"run_id": run_id, "status": visit.run_status(run_id).status}

    def ask(
        self,
        run_id: str,
        prompt: str,
        request: Asking,
        max_tokens: int = ANSWER_TOKENS,
        seed: int = 0,
        messages: list | None = None,
        models: list | None = None,
    ) -> dict:
        """What base and tuned answer to an input of the run's task: {"base", "tuned", "columns", "seconds", "prompt"}.

        `messages` are the turns before it, system text included: [{"role": "user", "content": "..."}, ...]. `models`
        are the addresses of at most two more to ask beside them, such as ["run:brave-otter@120"], "nearest:3" being
        the base with the three nearest training instances in its prompt; "columns" has the answers of all: [{"model",
        "title", "answer", "tokens", "prompt" where it saw another}].
        """
        options: dict[str, Any] = {"max_tokens": max_tokens, "seed": seed}
        options |= {"messages": messages} if messages else {}
        read_question(prompt, **options)  # what is asked can be wrong of any run
        answers = seen_by(self.studio, request).ask(check_text(run_id, "run_id"), prompt, models or (), **options)
        return answers.model_dump(mode="json")


GROUPS = (Endpoints, ObjectiveEndpoints, EvidenceEndpoints, RunEndpoints, AwayEndpoints)
ENDPOINTS = tuple(name for group in GROUPS for name in vars(group) if not name.startswith("_"))


def add_endpoints(studio: Studio) -> None:
    """Add the endpoints to the page that is being built."""
    groups = [group(studio) for group in GROUPS]
    for name in ENDPOINTS:
        endpoint = next(getattr(group, name) for group in groups if hasattr(group, name))
        about = endpoint.__doc__ if name in OPEN else f"{endpoint.__doc__}{WHOSE}"
        gr.api(in_words(endpoint), api_name=name, api_description=about, concurrency_limit=8)


def check_recipe(value: object) -> Any:
    """Return a recipe's object or text; what it says is checked by the studio. Raises InputError in words."""
    if isinstance(value, dict | str):
        return value
    raise InputError(
        f'recipe must be a JSON object such as {{"task_id": "..."}} or its text, not {say_type(value)}.',
        field="recipe",
    )
