"""Whether a checkpoint is whole, told from its files without loading them.

A training that is killed leaves none half written (see studio.runs.run). A hand, a power cut or a bad disk may: a file
is missing, empty or cut short. Weights are enough for an answer; going on needs the optimiser and the dice as well.
"""

import json
import os
import zipfile
from functools import lru_cache
from pathlib import Path

from studio.models.weights_file import read_header

State = tuple[str, int, int]
"""A file's name, time of change in ns, and size: the same state needs no second look."""
_OF_WEIGHTS = (".safetensors", ".safetensors.index.json", "config.json")


def find_damage(folder: Path | str) -> str:
    """Return what is wrong with the weights of a checkpoint, "" if they are whole."""
    try:
        return _find_damage(str(folder), _read_states(folder)[1])
    except OSError as error:
        return f"it can't be read ({error.strerror})"


def look_at_checkpoint(folder: str) -> str | None:
    """The same, in one look at the folder; None where it is no checkpoint: there is no recipe in it."""
    try:
        has_recipe, states = _read_states(folder)
    except OSError as error:
        return f"it can't be read ({error.strerror})" if os.path.exists(f"{folder}/recipe.json") else None
    return _find_damage(folder, states) if has_recipe else None


def _read_states(folder: Path | str) -> tuple[bool, tuple[State, ...]]:
    """Whether a recipe lies beside the weights, and the states of their files."""
    with os.scandir(folder) as entries:
        there = list(entries)
    states = [
        (entry.name, entry.stat().st_mtime_ns, entry.stat().st_size)
        for entry in there
        if entry.name.endswith(_OF_WEIGHTS)
    ]
    return any(entry.name == "recipe.json" for entry in there), tuple(sorted(states))


@lru_cache(maxsize=4096)
def _find_damage(place: str, states: tuple[State, ...]) -> str:
    folder = Path(place)
    names = [name for name, _, _ in states]
    weights = [name for name in names if name.endswith(".safetensors")]
    if not weights:
        return "its weights are missing"
    try:
        for name in (name for name in names if name.endswith("config.json")):
            json.loads((folder / name).read_text(encoding="utf-8"))
        for name in (name for name in names if name.endswith(".index.json")):
            parts = set(json.loads((folder / name).read_text(encoding="utf-8"))["weight_map"].values())
            if missing := parts - set(weights):
                return f"{min(missing)} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{name} is no JSON of its kind"
    return next((f"{name} is cut short or damaged" for name in weights if not _is_whole(folder / name)), "")


def _is_whole(path: Path) -> bool:
    try:
        read_header(path)
    except (OSError, ValueError):
        return False
    return True


def find_state_damage(folder: Path) -> str:
    """Return what keeps a training from going on here as if it had never ended, "" if nothing does."""
    try:
        state = json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        if state["global_step"] != int(folder.name.removeprefix("step-")):
            return "trainer_state.json is of another step"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "trainer_state.json is missing or damaged"
    scaler = ["scaler.pt"] if (folder / "scaler.pt").exists() else []  # of losses: only fp16 has one
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", *scaler):
        try:
            with zipfile.ZipFile(folder / name) as archive:
                damaged = archive.testzip()
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
            damaged = name
        if damaged:
            return f"{name} is missing or damaged"
    return ""


def tell_passed(passed: list[str], chosen: str) -> str:
    """Return what is said where a training goes on from `chosen` and not from the checkpoints that were passed over."""
    if not passed:
        return ""
    return f"It can't go on from its checkpoint of {', nor of '.join(passed)}, so it goes on from {chosen}."
