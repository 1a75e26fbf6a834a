"""Whether models can be merged, and what the merge is called; said before anything is loaded. Knows no weights."""

from collections.abc import Sequence

from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.merges import find_merges_folder, load_card
from studio.errors import InputError, ModelError, StudioError
from studio.merging.deltas import is_plain
from studio.merging.way import Way
from studio.methods import METHODS
from studio.models.facts import find_config_folder
from studio.models.reference import read_config
from studio.models.stored import read_stored
from studio.recipes.recipe import MOST_MIXED, Recipe
from studio.runs.run import Run
from studio.visitor import THE_ONE
from studio.works.merge import Merge
from studio.workspace import Workspace


def check_parents(stacks: Sequence[Stack], way: Way) -> None:
    """Raise InputError or ModelError in words where models can't be merged so."""
    if way.parents and len(stacks) != way.parents:
        raise InputError(
            f"{way.title} goes between {way.parents} parents, and {len(stacks)} are given. Choose task_arithmetic.",
            field="parents",
        )
    bases = {(stack.base.ref, stack.base.revision) for stack in stacks}
    if len(bases) > 1:
        told = " and ".join(sorted(ref + (f" at revision {revision}" if revision else "") for ref, revision in bases))
        raise ModelError(
            f"These models are of different bases, {told}, so their weights don't stand for the same. Choose models of "
            "one base.",
            field="parents",
        )
    folder = find_config_folder(stacks[0].base)
    for stack in stacks:
        for change in stack.changes:
            change.check_can("answer", "parents")
            if "embeddings" in change.recipe.objective.needs:
                raise ModelError(
                    f"{change.title} chooses answers by where it puts texts, and a merge would have none to choose "
                    "among. Leave it out.",
                    field="parents",
                )
        for change in stack.adapters:
            method = change.recipe.method
            if not method.merges_into(folder):
                raise ModelError(
                    f"{change.title} was trained by {method.title}, and what that adds is no change of a weight, so it "
                    "can't be merged. Leave it out.",
                    field="parents",
                )
    if read_stored(read_config(folder)):
        raise ModelError(
            "The base of these models is stored in codes, into which nothing can be merged. Train on the model it was "
            "made from.",
            field="parents",
        )


def check_exact(stacks: Sequence[Stack], way: Way, weights: Sequence[float]) -> None:
    """Raise InputError in words where no adapter can be exactly what models come to."""
    if way.find_factors(weights) is None or not all(map(is_plain, stacks)):
        raise refuse_exact(way)


def refuse_exact(way: Way) -> InputError:
    """Return the words for a merge that no adapter is exactly."""
    return InputError(
        f"{way.title} of these parents is no plain sum of LoRA adapters, so no adapter is exactly it. Choose the "
        "result svd or full.",
        field="result",
    )


def choose_name(workspace: Workspace, work: Merge, run: Run) -> str:
    """Return what a work's merge is called: what was asked for, or the work's own name. Raises InputError if taken."""
    name = work.called or run.name
    try:
        if load_card(workspace, name, THE_ONE).work == run.run_id:
            return name  # it was killed after its last step
    except StudioError:
        return name
    if work.called:
        check_unused(workspace, name)
    return f"{name}-{run.run_id[:15]}"


def check_unused(workspace: Workspace, name: str) -> None:
    """Raise InputError in words where there is a merge of this name."""
    if name and (find_merges_folder(workspace) / name).exists():
        raise InputError(f"There is a merge called {name} already. Choose another name, or delete it.", field="name")


def write_recipe(stacks: Sequence[Stack], first: Stack) -> Recipe:
    """Return how a merge is asked: as its first parent; what it learnt from is what all its parents did."""
    recipe = first.changes[-1].recipe
    others = {
        part.task_id: part
        for stack in stacks
        for change in stack.changes
        for part in change.recipe.parts
        if part.task_id != recipe.task_id
    }
    update = {"model": first.base.ref, "revision": first.base.revision, "mixture": tuple(others.values())[:MOST_MIXED]}
    return recipe.model_copy(update=update)


def name_rank(recipe: Recipe, rank: int) -> Recipe:
    """Return the recipe of an adapter of a rank, applied as it is."""
    return recipe.model_copy(update={"method": METHODS.read({"name": "lora", "rank": rank, "alpha": rank})})
