"""Work on foreign things that is done apart: files that unpack, and the templates, tokenizers and configs of models.

The built-in model is the studio's own, and a small plain file is counted as it is read: those are worked on here. Each
piece of work is a function of this module or of a room's, so that a child finds it by its name.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.apart.place import Answer, Here, Place
from studio.errors import ModelError
from studio.models.facts import ModelFacts, describe_model, find_config_folder
from studio.models.loading import load_tokenizer
from studio.models.reference import BUILTIN, ModelRef
from studio.objectives.sight import Sight, look_at
from studio.recipes.recipe import Recipe
from studio.service.checkup import Checked, measure_once
from studio.tasks.mapping import Mapping
from studio.tasks.quality.lengths import Limit
from studio.tasks.read_as import AS_IT_IS, ReadAs, Reading
from studio.tasks.reading.task_file import read_task_file
from studio.tasks.task import Instance, Task
from studio.visitor import Visitor

LARGE_BYTES = 4_000_000
"""A file larger than this is read apart, as are all that are packed."""
_PACKED = (b"PK\x03\x04", b"PAR1", b"ARRO")
_HERE = Here()


class Foreign:
    """Work on foreign things for one visitor, who is told in words which limit it passed."""

    def __init__(self, place: Place, visitor: Visitor) -> None:
        self._place, self._who = place, visitor.owner or ""

    def read_file(
        self, path: Path, name: str, mapping: Mapping | None = None, leave_out: bool = False, read_as: ReadAs = AS_IT_IS
    ) -> Reading:
        """Return the task of a file. Raises what `read_task_file` raises."""
        place = self._place if is_heavy(path) else _HERE
        return place.run(self._who, read_task_file, path, name, mapping, leave_out, read_as)

    def describe_model(self, ref: ModelRef) -> ModelFacts:
        """Return the facts of a model. Raises ModelError in words."""
        return self._place_for(ref).run(self._who, describe_model, ref)

    def see(self, recipe: Recipe, task: Task, instance: Instance) -> Sight:
        """Return what the recipe's model sees of an instance."""
        alone = task.model_copy(update={"instances": (instance,)})
        return self._place_for(recipe.base).run(self._who, see_instance, recipe, alone, instance)

    def measure(self, checked: Checked, task: Task, recipe: Recipe) -> Checked:
        """Return a check with the lengths of the task's rows in tokens of the recipe's model."""
        return self._place_for(recipe.base).run(self._who, measure_task, checked, task, recipe)

    def run(self, ref: ModelRef, work: Callable[..., Answer], *given: Any) -> Answer:
        """Return what some work with a model's files comes to."""
        return self._place_for(ref).run(self._who, work, *given)

    def _place_for(self, ref: ModelRef) -> Place:
        return _HERE if ref.ref == BUILTIN else self._place


def check_hub_id(ref: ModelRef) -> ModelRef:
    """Return a model's name if it may be chosen in a shared studio: no folder of its disk. Raises ModelError."""
    if ref.is_local and not ref.made and ref.ref != BUILTIN:
        raise ModelError(
            "This studio is shared, so folders of its own disk can't be chosen. Give a hub id, or use the "
            "built-in model.",
            field="model",
        )
    return ref


def is_heavy(path: Path) -> bool:
    """Whether a file may become much more than it is; one that can't be opened is said by whoever reads it."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in _PACKED or path.stat().st_size > LARGE_BYTES
    except OSError:
        return False


def see_instance(recipe: Recipe, task: Task, instance: Instance) -> Sight:
    """Return what a recipe's model sees of an instance of a task."""
    tokenizer = load_tokenizer(find_config_folder(recipe.base))
    return look_at(recipe.objective, task, instance, tokenizer, find_limit(recipe).tokens)


def measure_task(checked: Checked, task: Task, recipe: Recipe) -> Checked:
    """Return a check with the lengths of a task's rows in tokens of a recipe's model."""
    return measure_once(checked, task, recipe.objective, find_config_folder(recipe.base), find_limit(recipe))


def find_limit(recipe: Recipe) -> Limit:
    """Return how many tokens a row of this recipe may have."""
    context = describe_model(recipe.base).context or 10**9
    return Limit(recipe.training.max_length, context, recipe.method.virtual_tokens)
