"""What a training goes on from (optimiser, schedule, dice) as one safetensors file, and back. Imports torch inside.

The tensors have numbers for names; what they are parts of stands as JSON in the header. Only plain values are read:
numbers, texts, lists, and dicts of them, so a file that somebody made by hand can hold wrong values and no code.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.models.weights_file import read_header

PARTS = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "scaler.pt")
"""What transformers writes beside the weights, as pickle."""
FILE = "state.safetensors"
DEEPEST = 20


def freeze(checkpoint: Path, file: Path) -> None:
    """Write the state of a checkpoint as one plain file. Raises OSError or ValueError where it can't be read."""
    import torch
    from safetensors.torch import save_file
    from transformers.trainer_pt_utils import safe_globals

    tensors: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for name in PARTS:
        if (checkpoint / name).exists():
            with safe_globals():
                value = torch.load(checkpoint / name, map_location="cpu", weights_only=True)
            told[name] = _take_apart(value, tensors)
    save_file(tensors, file, metadata={"state": json.dumps(told)})


def thaw(file: Path, checkpoint: Path) -> None:
    """Write what `freeze` wrote as transformers reads it. Raises ValueError for what `freeze` never writes."""
    import torch
    from safetensors.torch import load_file

    try:
        told = json.loads(read_header(file).about.get("state", ""))
        tensors = load_file(file)
        if not isinstance(told, dict) or not told.keys() <= set(PARTS):
            raise ValueError("it names other parts")
        found = {name: _put_together(value, tensors) for name, value in told.items()}
    except (OSError, KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"the state of the training can't be read ({str(error)[:100]})") from None
    for name, value in found.items():
        torch.save(value, checkpoint / name)


def _take_apart(value: Any, tensors: dict[str, Any]) -> Any:
    """A value as JSON; its tensors and arrays are put beside, under numbers."""
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        tensors[str(len(tensors))] = value.detach().clone().contiguous()
        return {"tensor": str(len(tensors) - 1)}
    if isinstance(value, np.ndarray):
        kind = str(value.dtype)
        tensors[str(len(tensors))] = torch.from_numpy(value.astype("int64" if value.dtype.kind in "iu" else "float64"))
        return {"array": str(len(tensors) - 1), "kind": kind}
    if isinstance(value, Mapping):
        return {"dict": [[key, _take_apart(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_take_apart(item, tensors) for item in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a {type(value).__name__} has no place in a plain file")


def _put_together(told: Any, tensors: dict[str, Any], depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise ValueError("it is nested too deep")
    if not isinstance(told, dict):
        if isinstance(told, list):
            raise ValueError("a bare list")
        return told
    (kind, inside), *more = told.items()
    if kind == "tensor" and not more:
        return tensors[inside]
    if kind == "array" and [name for name, _ in more] == ["kind"]:
        return tensors[inside].numpy().astype(_read_kind(more[0][1]))
    if more or not isinstance(inside, list):
        raise ValueError(f"no part of a state is {kind!r}")
    if kind == "dict":
        return {_read_key(key): _put_together(item, tensors, depth + 1) for key, item in inside}
    items = [_put_together(item, tensors, depth + 1) for item in inside]
    if kind == "tuple":
        return tuple(items)
    if kind == "list":
        return items
    raise ValueError(f"no part of a state is {kind!r}")


def _read_key(key: Any) -> str | int:
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ValueError("a key is no text")
    return key


def _read_kind(kind: Any) -> str:
    if kind not in ("uint32", "int64", "uint64", "int32", "float64", "float32"):
        raise ValueError(f"no array is of {kind!r}")
    return str(kind)
