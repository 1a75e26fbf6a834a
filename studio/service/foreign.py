"""Where a visitor's jobs on foreign things are done: apart; what is the studio's own, or small and plain, here.

The built-in model is the studio's own, and a small plain file is counted as it is read. Whoever passes a limit is told
in words which one. Knows the jobs and what each needs; keeps nothing.
"""

from collections.abc import Mapping as Dictionary
from pathlib import Path
from typing import NamedTuple

from studio.answering.foreign_tokenizer import Elsewhere
from studio.apart.job import Answer, Given, Job
from studio.apart.place import HERE, Place
from studio.apart.pool import return_memory_soon
from studio.archives.unpacking import Unpacked
from studio.errors import ModelError
from studio.estimates.comparison import MethodCost
from studio.estimates.estimate import Estimate, TaskSize
from studio.estimates.lengths import TokenLengths, find_room
from studio.models.device import DeviceFacts, find_device
from studio.models.facts import ModelFacts
from studio.models.hub import Hit
from studio.models.reference import ModelRef
from studio.objectives import Objective
from studio.objectives.rendering import Rendering, Tokens
from studio.objectives.sight import Sight
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.service import jobs
from studio.service.checkup import Checked
from studio.tasks.mapping import Mapping
from studio.tasks.prompt import Turn
from studio.tasks.quality.report import add_lengths
from studio.tasks.read_as import AS_IT_IS, ReadAs, Reading
from studio.tasks.reading.pasting import Columns, Pairs
from studio.tasks.reading.rows import Preview
from studio.tasks.task import Instance, Task
from studio.visitor import Visitor

LARGE_BYTES = 4_000_000
"""A file larger than this is read apart, as are all that are packed."""
MANY_LINES = 150_000
"""One of more lines, too: each may become a row, and some forms are long in telling what each is."""
_PACKED = (b"PK\x03\x04", b"PAR1", b"ARRO", b"\xff\xff\xff\xff")


class Foreign(NamedTuple):
    """Work on foreign things for one visitor, who is told in words which limit it passed."""

    place: Place
    visitor: Visitor
    held_bytes: int = 0
    """What is held of the device's memory now and given back before a run starts."""

    # Files

    def read_file(
        self, path: Path, name: str, mapping: Mapping | None = None, leave_out: bool = False, read_as: ReadAs = AS_IT_IS
    ) -> Reading:
        """Return the task of a file. Raises what `read_task_file` raises."""
        try:
            place = self._find_place(path)
            return place.run(self.visitor.owner, jobs.read_file, path, name, mapping, leave_out, read_as)
        finally:
            if path.is_file() and path.stat().st_size > LARGE_BYTES // 4:
                return_memory_soon()

    def show_table(self, path: Path, name: str, read_as: ReadAs = AS_IT_IS) -> Preview | None:
        """Return the columns and first rows of a file, None if it is no table. Raises TaskError."""
        return self._find_place(path).run(self.visitor.owner, jobs.show_table, path, name, read_as)

    def show_inputs(self, path: Path, name: str) -> Columns | None:
        """Return the columns of a file of inputs, None if there is nothing to choose. Raises TaskError."""
        return self._find_place(path).run(self.visitor.owner, jobs.show_inputs, path, name)

    def list_inputs(self, path: Path, name: str, column: str | None, answers: str | None) -> Pairs:
        """Return the inputs of a file, and their answers. Raises TaskError or InputError."""
        return self._find_place(path).run(self.visitor.owner, jobs.list_inputs, path, name, column, answers)

    def count_members(self, path: Path, name: str) -> int:
        """Return how many data files an archive holds, 0 for what is none. Raises TaskError."""
        return self.place.run(self.visitor.owner, jobs.count_members, path, name) if is_packed(path) else 0

    def join_texts(self, path: Path, name: str, target: Path) -> int:
        """Write the texts of an archive or a folder with nothing else into one file; return how many. Raises TaskError.

        Nothing is written of fewer than two.
        """
        packed = path.is_dir() or is_packed(path)
        return self.place.run(self.visitor.owner, jobs.join_texts, path, name, target) if packed else 0

    def unpack(self, path: Path, name: str, folder: Path, most_bytes: int | None = None) -> int:
        """Write the collection of an archive or a folder into an empty folder. Raises TaskError."""
        return self.place.run(self.visitor.owner, jobs.unpack, path, name, folder, most_bytes)

    def fetch_dataset(self, ref: str, split: str, config: str, most: int, path: Path) -> None:
        """Write the first rows of a hub's dataset into a file. Raises TaskError."""
        self.place.run(self.visitor.owner, jobs.fetch_dataset, ref, split, config, most, path)

    # Runs

    def pack_run(self, run: Run, tasks: list[Task], base: ModelRef, target: Path) -> None:
        """Write a run and its tasks as an archive. Raises InputError or WorkspaceError."""
        self.place.run(self.visitor.owner, jobs.pack, run.folder, tasks, base, target)

    def unpack_run(self, path: Path, folder: Path, most_bytes: int | None = None) -> Unpacked:
        """Write the run of an archive into an empty folder. Raises InputError."""
        return self.place.run(self.visitor.owner, jobs.unpack_archive, path, folder, most_bytes)

    # Models

    def describe_model(self, ref: ModelRef) -> ModelFacts:
        """Return the facts of a model. Raises ModelError in words."""
        return self._run(ref, jobs.describe_base, ref)

    def search_models(self, text: str) -> list[Hit]:
        """Return the hub's models of a name like `text`. Raises ModelError where the hub can't be asked."""
        return self.place.run(self.visitor.owner, jobs.search_hub, text)

    def see(self, recipe: Recipe, task: Task, instance: Instance) -> Sight:
        """Return what the recipe's model sees of an instance."""
        alone = task.model_copy(update={"instances": (instance,)})
        return self._run(recipe.base, jobs.see_instance, recipe, alone)

    def measure(self, checked: Checked, task: Task, recipe: Recipe) -> Checked:
        """Return a check with the lengths of the task's rows in tokens of the recipe's model."""
        lengths, limit = self._run(recipe.base, jobs.count_rows, recipe, task)
        return checked.model_copy(update={"report": add_lengths(checked.report, task, lengths, limit)})

    def sample_lengths(self, task: Task, ref: ModelRef, objective: Objective) -> TokenLengths:
        """Return the lengths of a task's first examples in tokens of a model."""
        return self._run(ref, jobs.sample_lengths, task, ref, objective)

    def check_fits(self, recipe: Recipe) -> None:
        """Raise RecipeError or ModelError where method or precision don't go with a recipe's model."""
        self._run(recipe.base, jobs.check_fits, recipe)

    def check_room(self, recipe: Recipe, task: Task, lengths: TokenLengths) -> None:
        """Raise RecipeError where not one example fits into what a recipe's model may read, or all answers are cut."""
        if lengths.counted == len(task.instances):
            recipe.objective.check_answers(task, lengths.learnt_fewest)
        if lengths.shortest > find_room(recipe, lengths):  # hardly ever: then all of them are looked at
            self._run(recipe.base, jobs.check_room, recipe, task, lengths)

    def estimate(
        self,
        recipe: Recipe,
        base: ModelRef,
        size: TaskSize,
        cache: Path,
        names: Dictionary[str, str],
        device: DeviceFacts | None = None,
    ) -> Estimate:
        """Return what a recipe on a base will cost on a device, by default on the one here."""
        found = device or self._find_device()
        return self._run(base, jobs.estimate, recipe, base, size, found, cache, dict(names))

    def compare_methods(self, recipe: Recipe) -> list[MethodCost]:
        """Return what each method would train in place of a recipe's own."""
        return self._run(recipe.base, jobs.compare, recipe)

    # Inside

    def _find_device(self) -> DeviceFacts:
        """The device as a run will find it."""
        device = find_device()
        free = min(device.memory_bytes, device.free_bytes + self.held_bytes)
        return device.model_copy(update={"free_bytes": free})

    def _run(self, ref: ModelRef, job: Job[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
        place: Place = HERE if ref.is_own else self.place
        return place.run(self.visitor.owner, job, *given, **named)

    def _find_place(self, path: Path) -> Place:
        return self.place if is_heavy(path) else HERE


def find_elsewhere(place: Place) -> Elsewhere | None:
    """Return what works at a place with the tokenizers of foreign models, for whoever asks; None for this process."""
    if place is HERE:
        return None

    def measure(folder: Path) -> float:
        return place.run(None, jobs.time_tokenizer, folder)

    def tokenise(folder: Path, rendering: Rendering) -> Tokens:
        return place.run(None, jobs.tokenise, folder, rendering)

    def number(folder: Path, text: str, whole: bool) -> list[int]:
        return place.run(None, jobs.number, folder, text, whole)

    def spell(folder: Path, tokens: list[int], skips: bool) -> str:
        return place.run(None, jobs.spell, folder, tokens, skips)

    def render(template: str, names: dict[str, str], turns: list[Turn], tools: list[Turn] | None, asks: bool) -> str:
        return place.run(None, jobs.render_chat, template, names, turns, tools, asks)

    return Elsewhere(measure, tokenise, number, spell, render)


def check_hub_id(ref: ModelRef) -> ModelRef:
    """Return a model's name if it may be chosen in a shared studio: no folder of its disk. Raises ModelError."""
    if ref.is_local and not ref.made and not ref.is_own:
        raise ModelError(
            "This studio is shared, so folders of its own disk can't be chosen. Give a hub id, or use the "
            "built-in model.",
            field="model",
        )
    return ref


def is_packed(path: Path) -> bool:
    """Whether a file is an archive by its first bytes, and so may hold many files."""
    return _read_start(path) == _PACKED[0]


def is_heavy(path: Path) -> bool:
    """Whether a file may become much more than it is; one that can't be opened is said by whoever reads it."""
    try:
        if path.stat().st_size > LARGE_BYTES or _read_start(path) in _PACKED:
            return True
        data = path.read_bytes()
        return max(data.count(b"\n"), data.count(b"\r")) > MANY_LINES
    except OSError:
        return False


def _read_start(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4)
    except OSError:
        return b""
