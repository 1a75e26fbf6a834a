"""Content: what a score is of, as one hash; what has the same is not measured twice.

It covers the weights that answer, how they are stored and asked, what they are asked, and how long they may answer.
Knows files, not how they are loaded.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from studio.checkpoints.address import resolve
from studio.evidence.room import MOST_TOKENS, TOKENS_BEYOND
from studio.models.reference import ModelRef
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.tasks.task import Instance
from studio.works.score import Part
from studio.workspace import Workspace

END_BYTES = 1 << 20
"""So much of a weights file's beginning and end is read; a training changes weights in both."""


def hash_content(workspace: Workspace, run: Run, step: int, part: Part, instances: Sequence[Instance]) -> str:
    """Return the hash of what a score of a run's checkpoint would be of. Raises StudioError where it isn't there."""
    stack, recipe = resolve(workspace, ModelRef(ref=f"run:{run.run_id}@{step}")), run.load_recipe()
    base = stack.base.find_folder()
    told = [
        stack.base.model_dump(),
        [hash_weights(folder) for folder in (base, *(change.folder for change in stack.needed)) if folder],
        [change.recipe.method.model_dump(mode="json") for change in stack.needed],
        _tell_asking(recipe),
        [part, *(instance.id for instance in instances)],
        [MOST_TOKENS, TOKENS_BEYOND],
    ]
    return hash_told(told, 16)


def hash_told(told: Sequence[object], digits: int) -> str:
    """Return so many digits of the hash of plain values."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:digits]


def hash_weights(folder: Path) -> str:
    """Return a hash of the weights in a folder: their names, sizes, and both ends of each file."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            size = file.seek(0, 2)
            digest.update(f"{path.name} {size} ".encode())
            for place in (0, max(0, size - END_BYTES)):
                file.seek(place)
                digest.update(file.read(END_BYTES))
    return digest.hexdigest()


def _tell_asking(recipe: Recipe) -> list[object]:
    return [recipe.task_id, recipe.task_version, recipe.precision.name, recipe.objective.model_dump(mode="json")]
