"""The curves that were recorded for a run's picture: the same sample by the same method, at three learning rates.

Knows which runs they lie behind; what was recorded is `assets/pictures/rates.json` (frame/recorded.py).
"""

from collections.abc import Mapping
from typing import Any

from studio.service import Studio
from studio.ui.frame.recorded import read_recorded
from studio.ui.widgets.server_act import part


def find_ghosts(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recorded curves of what a recipe trains: rate, steps, losses; [] where none were recorded."""
    recorded, method = read_recorded("rates"), recipe.get("method")
    named = method.get("name") if isinstance(method, Mapping) else method
    same = named == recorded.get("method") and all(recipe.get(key) == recorded.get(key) for key in ("model", "task_id"))
    if not same or not recorded:
        return []
    return [{"rate": one["rate"], "steps": one["train"][0], "values": one["train"][1]} for one in recorded["curves"]]


def read_ghosts(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the curves to draw behind a run's own."""
    return {"curves": find_ghosts(visit.run_status(part(asked, "run", str)).recipe)}
