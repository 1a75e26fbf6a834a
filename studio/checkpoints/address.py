"""From an address to a stack: `run:brave-otter@120` is a base, and what runs and merges made of it one after the other.

Looks into the workspace's runs, as a visitor sees them; loads nothing. Every error is about the field `model`.
"""

import json

from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.checkpoints.merges import find_merge
from studio.errors import ModelError, NotFoundError, StudioError
from studio.models.reference import Made, ModelRef
from studio.recipes.recipe import Recipe
from studio.runs.run import BUILT_ON, Run, list_runs
from studio.visitor import THE_ONE, Visitor
from studio.workspace import Workspace, disk_errors_in_words, unknown_run


def resolve(workspace: Workspace, ref: ModelRef, visitor: Visitor = THE_ONE) -> Stack:
    """Return the base and the changes that an address stands for.

    Raises NotFoundError or ModelError in words: for a run, a step or a parent that isn't there, a name that several
    runs have, runs that are built on each other.
    """
    changes: list[Checkpoint] = []
    at = ref
    while made := at.made:
        try:
            found = find_checkpoint(workspace, made, visitor)
        except StudioError as error:
            if not changes:
                raise
            raise NotFoundError(
                f"{changes[-1].title} was made on top of {at.ref}, and that can't be found any more: {error}",
                field="model",
            ) from None
        if any(change.address == found.address for change in changes):
            raise ModelError(
                f"{found.title} is made on top of itself, by way of {changes[-1].title}: a recipe was changed by hand. "
                "Choose another model.",
                field="model",
            )
        changes.append(found)
        at = found.recipe.base
    return Stack(at, tuple(reversed(changes)))


def find_checkpoint(workspace: Workspace, made: Made, visitor: Visitor = THE_ONE) -> Checkpoint:
    """Return the checkpoint of an address. Raises NotFoundError or ModelError in words."""
    if made.kind == "merge":
        return find_merge(workspace, made.name, visitor)
    run = _find_run(workspace, made.name, visitor)
    try:
        folder = run.find_checkpoint(find_best_step(run) if made.step is None else made.step)
        recipe = run.load_recipe()
    except StudioError as error:
        raise NotFoundError(str(error), field="model") from None
    return read_checkpoint(run, recipe, int(folder.name.removeprefix("step-")))


def read_checkpoint(run: Run, recipe: Recipe, step: int) -> Checkpoint:
    """Return the checkpoint of a run's step that is known to be there."""
    return Checkpoint(
        address=ModelRef(ref=f"run:{run.run_id}@{step}"),
        title=f"{run.name}, step {step:,}",
        folder=run.checkpoints_folder / f"step-{step}",
        recipe=recipe,
        step=step,
        parents=(recipe.base,),
        can=frozenset({recipe.objective.makes}),
    )


def keep_parent(workspace: Workspace, ref: ModelRef) -> None:
    """Let the checkpoint that a new run starts from be kept, whatever its own run does. Raises NotFoundError."""
    if (made := ref.made) and made.kind == "run" and made.step is not None:
        folder = find_checkpoint(workspace, made).folder
        with disk_errors_in_words(folder):  # also where a training forgot it a moment ago
            (folder / BUILT_ON).touch()


def list_built_on(workspace: Workspace, run: Run) -> list[Run]:
    """Return the runs that start from a checkpoint of this one."""
    return [other for other in list_runs(workspace) if other.run_id != run.run_id and _starts_from(other, run)]


def check_unneeded(workspace: Workspace, run: Run) -> None:
    """Raise InputError naming the runs that are built on this one: without it they could neither answer nor go on."""
    others = list_built_on(workspace, run)
    if others:
        names = ", ".join(other.name for other in others[:5])
        raise ModelError(
            f"{names} {'was' if len(others) == 1 else 'were'} made on top of {run.name} and can't answer without it. "
            f"Delete {'that run' if len(others) == 1 else 'those runs'} first.",
            field="run_id",
        )


def _starts_from(other: Run, run: Run) -> bool:
    try:
        made = other.load_recipe().base.made
    except StudioError:
        return False
    return made is not None and made.kind == "run" and made.name in (run.run_id, run.name)


def _find_run(workspace: Workspace, name: str, visitor: Visitor) -> Run:
    """The run of an id, or of a short name that only one run of the visitor has."""
    run = Run(workspace.runs / name)
    runs = [run] if run.is_there() else [run for run in list_runs(workspace) if run.name == name]
    runs = [run for run in runs if visitor.owns(run.owner)]
    if not runs:
        raise NotFoundError(str(unknown_run(name)), field="model")
    if len(runs) > 1:
        raise ModelError(
            f"There are {len(runs)} runs called {name}: {', '.join(run.run_id for run in runs[:5])}. Write the whole "
            "id after run:.",
            field="model",
        )
    return runs[0]


def find_best_step(run: Run) -> int | None:
    """The step that the objective's measure chose on the validation part, None where it isn't known or kept."""
    steps = run.list_checkpoints()
    try:
        newest = run.checkpoints_folder / f"step-{steps[-1]}" / "trainer_state.json"
        best = json.loads(newest.read_text(encoding="utf-8"))["best_global_step"]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return best if best in steps else None
