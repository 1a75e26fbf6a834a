"""The draft: which step is shown, which run and checkpoint, and the recipe as chosen so far. A link is a draft.

Knows how a draft is written into a URL and read back from one, or from what the browser kept. `card` is there where
it plans for a graphics card that is not here, in gigabytes. Everything read is foreign text: what can't be used is
left out and said in words, never raised. Knows nothing of gradio; what a recipe may say is `studio.read_recipe`'s to
decide.
"""

import json
import time
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode

from studio.errors import StudioError
from studio.ui.frame.planning import read_card
from studio.ui.frame.step import STEPS
from studio.workspace import check_id

RECIPE_KEYS = (
    "model",
    "revision",
    "task_id",
    "task_version",
    "mixture",
    "method",
    "objective",
    "precision",
    "training",
)
MOST_CHARACTERS = 8000
"""The longest recipe a link may carry; a real one has a few hundred."""


class Opened(NamedTuple):
    """What a page opens with, and what was left out, in words."""

    draft: dict[str, Any]
    notices: tuple[str, ...] = ()


def new_draft(recipe: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the draft of a first visit."""
    return {"step": STEPS.main[0].name, "run": None, "checkpoint": None, "recipe": dict(recipe or {})}


def write_query(draft: dict[str, Any]) -> str:
    """Return the query of a link that opens `draft`: "step=method&run=...&recipe=...". As address.js writes it."""
    parts = {"step": draft["step"]}
    if draft.get("run"):
        parts["run"] = draft["run"]
    if draft.get("checkpoint") is not None:
        parts["checkpoint"] = draft["checkpoint"]
    if draft.get("card"):
        parts["card"] = draft["card"]
    parts["recipe"] = json.dumps(draft["recipe"], ensure_ascii=False, separators=(",", ":"))
    return urlencode(parts)


def read_address(search: object, kept: object = None) -> Opened:
    """Read a draft from an address ("?step=...") or, where that says nothing of ours, from what the browser kept."""
    query = _parse(search)
    if any(name in query for name in ("step", "run", "recipe", "task", "card")):
        opened = _read({name: query.get(name) for name in ("step", "run", "checkpoint", "recipe", "card")}, "The link")
        if "task" in query and not opened.draft["recipe"]:  # a short link, such as ?step=label&task=studio001_sentiment
            opened.draft["recipe"] = {"task_id": query["task"]}
        return opened
    if isinstance(kept, str) and kept:
        found = _parse_json(kept)
        if isinstance(found, dict):
            return Opened(_read(found, "What this browser kept").draft)
    return Opened(new_draft())


def read_draft(value: object) -> dict[str, Any]:
    """Return the draft a page sent: every part checked, whatever it was sent."""
    return _read(value if isinstance(value, dict) else {}, "The page").draft


def change_draft(
    step: str | None = None, run: str | None = None, recipe: dict[str, Any] | None = None, whole: bool = False
) -> dict[str, Any]:
    """Return what to put out to `draft.patch` so that the page changes its draft; `whole` replaces the recipe."""
    patch: dict[str, Any] = {"at": time.time_ns(), "whole": whole}
    for name, part in (("step", step), ("run", run), ("recipe", recipe)):
        if part is not None:
            patch[name] = part
    return patch


def leave_out(recipe: dict[str, Any], field: str | None) -> dict[str, Any] | None:
    """Return `recipe` without the part that an error's `field` ("method.rank") names, None if there is none."""
    first, _, rest = (field or "").partition(".")
    if first not in recipe:
        return None
    smaller = dict(recipe)
    inner = smaller[first]
    if rest and isinstance(inner, dict) and rest in inner and rest != "name":
        smaller[first] = {key: value for key, value in inner.items() if key != rest}
    else:
        del smaller[first]
    return smaller


def _read(parts: dict[str, Any], where: str) -> Opened:
    notices = []
    step = parts.get("step")
    is_place = isinstance(step, str) and step in STEPS.members
    if step is not None and not is_place:
        notices.append(f"{where} names a step that does not exist, so it opens at the first one.")
    run = parts.get("run")
    try:
        run = check_id(run, "run") if run else None
    except StudioError:
        notices.append(f"{where} names a run in a way that can't be one, so no run is chosen.")
        run = None
    recipe, complaint = _read_recipe(parts.get("recipe"))
    if complaint:
        notices.append(f"{where} carries a recipe that {complaint}, so the usual choices are shown.")
    default = "train" if run and step is None else STEPS.main[0].name
    checkpoint = _read_checkpoint(parts.get("checkpoint")) if run else None
    draft = {
        "step": step if is_place else default,
        "run": run,
        "checkpoint": checkpoint,
        "recipe": recipe,
    }
    if card := read_card(parts.get("card")):
        draft["card"] = card
    return Opened(draft, tuple(notices))


def _read_checkpoint(value: object) -> int | None:
    """Return the step of a checkpoint; whether the run has it is seen when it is asked."""
    written = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else None


def _read_recipe(value: object) -> tuple[dict[str, Any], str]:
    if value is None or value == "":
        return {}, ""
    if isinstance(value, str):
        if len(value) > MOST_CHARACTERS:
            return {}, "is far too long"
        value = _parse_json(value)
        if value is None:
            return {}, "can't be read (was the link cut?)"
    if not isinstance(value, dict):
        return {}, "is not a recipe"
    try:
        if len(json.dumps(value, allow_nan=False)) > MOST_CHARACTERS:
            return {}, "is far too long"
    except (TypeError, ValueError, RecursionError):
        return {}, "can't be read"
    return {key: value[key] for key in RECIPE_KEYS if key in value}, ""


def _parse(search: object) -> dict[str, str]:
    if not isinstance(search, str):
        return {}
    try:
        return {
            name: values[-1]
            for name, values in parse_qs(
                search[: 4 * MOST_CHARACTERS].lstrip("?"), max_num_fields=50, errors="replace"
            ).items()
        }
    except ValueError:
        return {}


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
