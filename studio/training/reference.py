"""How likely each row is before the first step: read once, by the model a run starts from, and kept with the run.

So an objective that compares with the start needs no second model, and a run that goes on compares with the same start.
What is kept is used only for the very rows, model and method that it was read with.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from studio.models.weights_file import read_header
from studio.objectives.objective import Example, list_rows, longest_row
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.training.batch import Batcher, ExampleBatcher, read_logprobs
from studio.workspace import disk_errors_in_words

FILE = "reference.safetensors"
"""Where they are kept, in the run's folder."""
Reference = Sequence[torch.Tensor | None]
"""Of each part of the examples, how likely their rows are, in nats (examples x rows each); None where not needed."""


def find_reference(
    run: Run,
    recipe: Recipe,
    parts: Sequence[list[Example]],
    model: Any,
    batcher: Batcher,
    at_once: int,
    half: torch.dtype | None = None,
) -> Reference | None:
    """Return how likely each row is now, as it was kept or read again; None where a person asked to stop meanwhile.

    `model` has what it trains attached, and has made no step. `at_once` examples are read in a batch, as many as the
    run trains on. `half` is what it computes in, if in fewer than 32 bits.
    """
    if "reference" not in recipe.objective.needs:
        return [None] * len(parts)
    file, key = run.folder / FILE, write_key(recipe, parts)
    found = _read(file, key, len(parts))
    if found is None:
        found = []
        for examples in parts:
            values = _measure(run, examples, model, ExampleBatcher(batcher), at_once, half)
            if values is None:
                return None
            found.append(values)
        _keep(file, key, found)
    return found


def write_key(recipe: Recipe, parts: Sequence[list[Example]]) -> str:
    """Return what the values hang on as a short text: the rows, what reads them, and how chance began."""
    made_by = recipe.to_json()
    about = [made_by[name] for name in ("model", "revision", "method", "precision")]
    digest = hashlib.sha256(json.dumps([about, recipe.training.seed], sort_keys=True).encode())
    for examples in parts:
        digest.update(f"{len(examples)}\n".encode())
        for row in list_rows(examples):
            digest.update(json.dumps([row.input_ids, row.labels]).encode())
    return digest.hexdigest()


def _measure(
    run: Run, examples: list[Example], model: Any, batcher: ExampleBatcher, at_once: int, half: torch.dtype | None
) -> torch.Tensor | None:
    """Read examples of like length together, as in training but for chance; None when asked to stop."""
    if not examples:
        return torch.zeros(0, 1)
    values = torch.zeros(len(examples), len(examples[0]))
    order = sorted(range(len(examples)), key=lambda place: longest_row(examples[place]))
    training, device = model.training, model.device
    model.eval()
    try:
        for first in range(0, len(order), at_once):
            if run.stop_file.exists():
                return None
            places = order[first : first + at_once]
            batch = batcher([(examples[place], None) for place in places])
            batch = {name: value.to(device) if hasattr(value, "to") else value for name, value in batch.items()}
            with torch.no_grad(), torch.autocast(device.type, dtype=half) if half else nullcontext():
                values[places] = read_logprobs(model, batch).sum_rows().view(len(places), -1).float().cpu()
    finally:
        model.train(training)
    return values


def _read(path: Path, key: str, parts: int) -> list[torch.Tensor] | None:
    try:
        if read_header(path).about.get("key") != key:
            return None
        values = load_file(path)
    except (OSError, ValueError, SafetensorError):  # there is none, or it is damaged: it is read again
        return None
    return [values[str(number)] for number in range(parts)]


def _keep(path: Path, key: str, values: Sequence[torch.Tensor]) -> None:
    """Write the values beside, and let them appear whole."""
    beside = path.with_name(f".{path.name}.partial")
    with disk_errors_in_words(path.parent):
        save_file({str(number): part for number, part in enumerate(values)}, beside, metadata={"key": key})
        os.replace(beside, path)
