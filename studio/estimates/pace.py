"""How long a model takes to answer many questions, as it was last measured on this device; nothing is guessed."""

import json
from pathlib import Path
from typing import NamedTuple

from studio.models.device import DeviceFacts
from studio.models.reference import ModelRef
from studio.workspace import write_whole

MOST_MODELS = 200
_FILE = "pace.json"


class Pace(NamedTuple):
    """Seconds before the first answer, and seconds an instance that base and tuned both answer."""

    start_seconds: float
    instance_seconds: float


def load_pace(cache: Path, device: DeviceFacts, model: ModelRef) -> Pace | None:
    """Return the pace of a model on this device, None before it was measured."""
    try:
        start, instance = _read(cache, device)[_key(model)]
        return Pace(float(start), float(instance))
    except (KeyError, TypeError, ValueError):
        return None


def save_pace(cache: Path, device: DeviceFacts, model: ModelRef, pace: Pace) -> None:
    """Keep a measured pace, in place of an older one of the model. Raises WorkspaceError in words."""
    paces = {**_read(cache, device), _key(model): list(pace)}
    newest = dict(list(paces.items())[-MOST_MODELS:])
    write_whole(cache / _FILE, json.dumps({"device": device.name, "models": newest}))


def _key(model: ModelRef) -> str:
    return f"{model.ref}@{model.revision or ''}"


def _read(cache: Path, device: DeviceFacts) -> dict[str, list[float]]:
    try:
        found = json.loads((cache / _FILE).read_text(encoding="utf-8"))
        return dict(found["models"]) if found["device"] == device.name else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
