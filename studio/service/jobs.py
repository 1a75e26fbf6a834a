"""The jobs that are done apart: everything that reads a foreign file, archive, dataset, template, tokenizer or config.

Each is a function of plain values, so that a child finds it by its name, and is told all it needs: no job knows a
visitor or a store. The only module of the service that calls those readers: tests/test_house_imports.py holds it.
"""

import time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from studio.apart.job import job, long_job
from studio.archives.packing import pack_run
from studio.archives.unpacking import Unpacked, unpack_run
from studio.errors import ModelError
from studio.estimates.checking import check_recipe
from studio.estimates.comparison import MethodCost, compare_methods
from studio.estimates.estimate import Estimate, TaskSize, estimate_recipe
from studio.estimates.lengths import TokenLengths, check_lengths, measure_lengths
from studio.models.device import DeviceFacts
from studio.models.facts import ModelFacts, describe_model, find_config_folder
from studio.models.hub import Hit, search_models
from studio.models.libraries import import_libraries
from studio.models.loading import load_tokenizer
from studio.models.reference import ModelRef
from studio.objectives import OBJECTIVES, Objective
from studio.objectives.rendering import Rendering, Tokens
from studio.objectives.rendering import tokenise as make_tokens
from studio.objectives.sight import Sight, look_at
from studio.objectives.template import render_template
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.service.checkup import measure_rows
from studio.tasks.library.collection import write_collection
from studio.tasks.mapping import Mapping
from studio.tasks.prompt import Turn
from studio.tasks.quality.lengths import Lengths, Limit
from studio.tasks.read_as import ReadAs
from studio.tasks.reading.archive import list_zip
from studio.tasks.reading.hub_dataset import fetch_rows, write_rows
from studio.tasks.reading.pasting import Columns, Pairs, preview_inputs, read_inputs
from studio.tasks.reading.rows import Preview
from studio.tasks.reading.streaming import is_archive
from studio.tasks.reading.task_file import join_texts as read_texts
from studio.tasks.reading.task_file import preview_file, read_task_file
from studio.tasks.sent import SentReading, SentTask
from studio.tasks.split import split_task

MOST_MADE = 1_000_000
"""So many tokens are made of a text, or letters of tokens."""
SentObjective = Annotated[SerializeAsAny[Objective], BeforeValidator(OBJECTIVES.read)]


@job
def warm() -> None:
    """Do nothing: whoever has done it has imported what the others need."""


# Files


@job
def read_file(path: Path, name: str, mapping: Mapping | None, leave_out: bool, read_as: ReadAs) -> SentReading:
    """Return the task of a file."""
    return read_task_file(path, name, mapping, leave_out, read_as)


@job
def show_table(path: Path, name: str, read_as: ReadAs) -> Preview | None:
    """Return the columns and first rows of a file, None if it is no table."""
    return preview_file(path, name, read_as)


@job
def show_inputs(path: Path, name: str) -> Columns | None:
    """Return the columns of a file of inputs, None if there is nothing to choose."""
    return preview_inputs(path, name)


@job
def list_inputs(path: Path, name: str, column: str | None, answers: str | None) -> Pairs:
    """Return the inputs of a file, and their answers."""
    return read_inputs(path, name, column, answers)


@job
def count_members(path: Path, name: str) -> int:
    """Return how many data files an archive holds, 0 for a file that is none."""
    return len(list_zip(path, name)) if is_archive(path) else 0


@job
def join_texts(path: Path, name: str, target: Path) -> int:
    """Write the running texts of an archive or a folder that has nothing else into one file; returns how many."""
    if not (path.is_dir() or is_archive(path)):
        return 0
    text, count = read_texts(path, name)
    if count > 1:
        target.write_text(text, encoding="utf-8")
    return count


@long_job
def unpack(path: Path, name: str, folder: Path, most_bytes: int | None) -> int:
    """Write the collection of an archive or a folder into an empty folder; returns how many instances it has."""
    return write_collection(path, name, folder, most_bytes=most_bytes)


@long_job
def fetch_dataset(ref: str, split: str, config: str, most: int, path: Path) -> None:
    """Write the first rows of a hub's dataset into a file."""
    write_rows(fetch_rows(ref, split, config, most), path)


# Runs


@long_job
def pack(folder: Path, tasks: list[SentTask], base: ModelRef, target: Path) -> None:
    """Write the archive of a run that lies in a folder."""
    pack_run(Run(folder), tasks, base, target)


@long_job
def unpack_archive(path: Path, folder: Path, most_bytes: int | None) -> Unpacked:
    """Write the run of an archive into an empty folder."""
    return unpack_run(path, folder, most_bytes)


# Models


@job
def describe_base(ref: ModelRef) -> ModelFacts:
    """Return the facts of a base model."""
    return describe_model(ref)


@job
def search_hub(text: str) -> list[Hit]:
    """Return the hub's models of a name like a text."""
    return search_models(text)


@job
def see_instance(recipe: Recipe, task: SentTask) -> Sight:
    """Return what a recipe's model sees of a task's only instance."""
    tokenizer = load_tokenizer(find_config_folder(recipe.base))
    return look_at(recipe.objective, task, task.instances[0], tokenizer, _find_limit(recipe).tokens)


@job
def render_chat(template: str, names: dict[str, str], turns: list[Turn], tools: list[Turn] | None, asks: bool) -> str:
    """Return what a model's chat template makes of turns."""
    return render_template(template, names, turns, tools, asks)


@job
def time_tokenizer(folder: Path) -> float:
    """Return the seconds of a processor in which the tokenizer of a folder is loaded."""
    import_libraries()
    began = time.process_time()
    _load(folder, _find_change(folder))
    return time.process_time() - began


@job
def tokenise(folder: Path, rendering: Rendering) -> Tokens:
    """Return the tokens of a rendering's text by the tokenizer of a folder. Raises ModelError where they are many."""
    found = make_tokens(rendering, _load(folder, _find_change(folder)))
    _check_size(len(found.ids), "tokens")
    return found


@job
def number(folder: Path, text: str, whole: bool) -> list[int]:
    """Return the tokens of a text, a `whole` one with those that the tokenizer adds. Raises ModelError."""
    found = list(_load(folder, _find_change(folder))(text, add_special_tokens=whole)["input_ids"])
    _check_size(len(found), "tokens")
    return found


@job
def spell(folder: Path, tokens: list[int], skips: bool) -> str:
    """Return the text of tokens, without control tokens if it `skips` them. Raises ModelError where it is long."""
    text = str(_load(folder, _find_change(folder)).decode(tokens, skip_special_tokens=skips))
    _check_size(len(text), "letters")
    return text


def _check_size(count: int, unit: str) -> None:
    if count > MOST_MADE:
        raise ModelError(
            f"The model's tokenizer makes {count:,} {unit} of this, and at most {MOST_MADE:,} can be used. Choose "
            "another model.",
            field="model",
        )


@lru_cache(maxsize=2)
def _load(folder: Path, change: float) -> Any:
    return load_tokenizer(folder)


def _find_change(folder: Path) -> float:
    """When a folder's tokenizer was written; the newest of its files."""
    return max((path.stat().st_mtime for path in folder.glob("*token*")), default=0.0)


@job
def count_rows(recipe: Recipe, task: SentTask) -> tuple[Lengths, Limit]:
    """Return the lengths of all rows of a task in tokens of a recipe's model, and how long they may be."""
    limit = _find_limit(recipe)
    return measure_rows(task, recipe.objective, find_config_folder(recipe.base), limit), limit


@job
def sample_lengths(task: SentTask, ref: ModelRef, objective: SentObjective) -> TokenLengths:
    """Return the lengths of a task's first examples in tokens of a model."""
    return measure_lengths(task, ref, objective)


@job
def check_fits(recipe: Recipe) -> None:
    """Raise RecipeError or ModelError where method or precision don't go with a recipe's model."""
    check_recipe(recipe, find_config_folder(recipe.base))


@job
def check_room(recipe: Recipe, task: SentTask, lengths: TokenLengths) -> None:
    """Raise RecipeError where not one example fits into what a recipe's model may read."""
    check_lengths(recipe, task, split_task(task, recipe.training.seed).train, lengths)


@job
def estimate(
    recipe: Recipe, base: ModelRef, size: TaskSize, device: DeviceFacts, cache: Path, names: dict[str, str]
) -> Estimate:
    """Return what a recipe on a base will cost."""
    return estimate_recipe(recipe, find_config_folder(base), size, device, cache, names)


@job
def compare(recipe: Recipe) -> list[MethodCost]:
    """Return what each method would train."""
    return compare_methods(recipe, find_config_folder(recipe.base))


def _find_limit(recipe: Recipe) -> Limit:
    """How many tokens a row of a recipe may have."""
    context = describe_model(recipe.base).context or 10**9
    return Limit(recipe.training.max_length, context, recipe.method.virtual_tokens)
