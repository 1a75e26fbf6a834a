"""The studio from another program: a few named endpoints, the same words as the page. JSON in, JSON out.

Everything that arrives is foreign: types are checked here, meaning is checked by `studio.service`. A recipe may be
an object or
its text. Nothing else of the page is public.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from studio.errors import InputError
from studio.service import Studio
from studio.ui.handler import in_words

ENDPOINTS = (
    "list_models",
    "list_tasks",
    "import_task",
    "estimate",
    "start_run",
    "run_status",
    "run_events",
    "stop_run",
    "ask",
)
Json = dict[str, Any]


def add_endpoints(studio: Studio) -> None:
    """Add the endpoints to the page that is being built."""

    def list_models() -> list:
        """Base models worth starting with: [{"ref", "title", "summary", "licence", "parameters", "context"}]."""
        return [card.model_dump(mode="json") for card in studio.list_models()]

    def list_tasks() -> list:
        """The tasks in this studio: [{"task_id", "title", "instances", "source", "version"}]."""
        return [card.model_dump(mode="json") for card in studio.list_tasks()]

    def import_task(file: dict) -> dict:
        """Keep a Natural-Instructions file as a task: {"task_id", "instances", "warnings"}."""
        path, name = check_upload(file)
        reading = studio.import_task(path, name)
        return {
            "task_id": reading.task.task_id,
            "title": reading.task.heading,
            "version": reading.task.version,
            "instances": len(reading.task.instances),
            "warnings": list(reading.warnings),
        }

    def estimate(recipe: dict | str) -> dict:
        """What a recipe will cost: {"trainable", "total", "percent", "memory_bytes", "seconds", ...}."""
        return studio.estimate(check_recipe(recipe)).model_dump(mode="json")

    def start_run(recipe: dict | str, request: str = "") -> dict:
        """Put a run in the line: {"run_id"}. The same non-empty request never makes two runs."""
        return {"run_id": studio.start_run(check_recipe(recipe), check_text(request, "request", 100))}

    def run_status(run_id: str) -> dict:
        """How a run is doing: {"status", "step", "of", "loss", "trainable", "total", ...}."""
        return studio.run_status(check_text(run_id, "run_id")).model_dump(mode="json")

    def run_events(run_id: str, offset: int = 0) -> dict:
        """What happened in a run after an offset: {"events", "offset", "status"}; pass the offset back next time."""
        return studio.run_events(check_text(run_id, "run_id"), check_integer(offset, "offset", 0, 2**62)).model_dump(
            mode="json"
        )

    def stop_run(run_id: str) -> dict:
        """Ask a run to stop after its step and save: {"run_id", "status"}."""
        studio.stop_run(check_text(run_id, "run_id"))
        return {"run_id": run_id, "status": studio.run_status(run_id).status}

    def ask(run_id: str, prompt: str, max_tokens: int = 48, seed: int = 0) -> dict:
        """What base and tuned answer to an input of the run's task: {"base", "tuned", "seconds", "prompt"}."""
        answers = studio.ask(
            check_text(run_id, "run_id"),
            check_text(prompt, "prompt", 20_000),
            check_integer(max_tokens, "max_tokens", 1, 1024),
            check_integer(seed, "seed", 0, 2**31 - 1),
        )
        return answers.model_dump(mode="json")

    for endpoint in (list_models, list_tasks, import_task, estimate, start_run, run_status, run_events, stop_run, ask):
        gr.api(in_words(endpoint), api_name=endpoint.__name__, concurrency_limit=8)


def check_text(value: object, name: str, most: int = 200) -> str:
    """Return `value` if it is a text of at most `most` characters. Raises InputError in words."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be text, not {_say_type(value)}.", field=name)
    if len(value) > most:
        raise InputError(f"{name} has {len(value):,} characters; at most {most:,} are allowed. Shorten it.", field=name)
    return value


def check_integer(value: object, name: str, low: int, high: int) -> int:
    """Return `value` as a whole number between `low` and `high`. Raises InputError in words."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name} must be a whole number, not {_say_type(value)}.", field=name)
    if not low <= value <= high:
        raise InputError(f"{name} must be between {low:,} and {high:,}, not {str(value)[:30]}.", field=name)
    return value


def check_recipe(value: object) -> Any:
    """Return a recipe's object or text; what it says is checked by the studio. Raises InputError in words."""
    if isinstance(value, dict | str):
        return value
    raise InputError(
        f'recipe must be a JSON object such as {{"task_id": "..."}} or its text, not {_say_type(value)}.',
        field="recipe",
    )


def check_upload(file: object) -> tuple[Path, str]:
    """Return path and name of a file that was uploaded here. Raises InputError for anything else on the disk."""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str):
        raise InputError(
            'file must be an uploaded file; with gradio_client: import_task(file=handle_file("task.json")).',
            field="file",
        )
    found = Path(path).resolve()
    if not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise InputError("file must be uploaded to this studio first; a path on its disk is not taken.", field="file")
    name = file.get("orig_name") if isinstance(file, dict) else None
    return found, name if isinstance(name, str) and name else found.name


def _say_type(value: object) -> str:
    if value is None:
        return "nothing"
    return {
        "dict": "an object",
        "list": "a list",
        "str": "text",
        "bool": "true or false",
        "int": "a number",
        "float": "a number",
    }.get(type(value).__name__, type(value).__name__)
