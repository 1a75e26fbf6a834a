"""Asked: which instances are put to which checkpoints, and the name of what comes of it, by its content.

Two askings of the same content give the same answers: weights, how they are stored and asked, task version, instances,
room for an answer. Knows folders and recipes; loads no weights.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from studio.answering.column import Column, make_column
from studio.checkpoints.address import resolve
from studio.checkpoints.checkpoint import Stack
from studio.errors import InputError, ModelError, StudioError
from studio.evidence.content import hash_told, hash_weights
from studio.evidence.general import GENERAL, write_general
from studio.evidence.metrics import Answered
from studio.evidence.metrics.metric import has_answers
from studio.evidence.room import MOST_TOKENS, TOKENS_BEYOND
from studio.models.reference import BUILTIN, ModelRef
from studio.recipes.recipe import Recipe
from studio.tasks.split import split_task
from studio.tasks.store import TaskStore
from studio.tasks.task import Instance, Task
from studio.visitor import THE_ONE, Visitor
from studio.works.measure import Measure, Measured
from studio.workspace import Workspace

MOST_INSTANCES = 400
"""So many of a part are asked; each part is in hash order, so its first are a fair sample."""


class Asked(NamedTuple):
    """Instances for columns; `left_out` of them were trained on by one, `beyond` are more than are asked."""

    columns: tuple[Column, ...]
    contents: tuple[str, ...]
    task: Task
    part: Measured
    instances: tuple[Instance, ...]
    left_out: int = 0
    beyond: int = 0

    def write_answered(self, kept: Sequence[dict[str, object]]) -> list[Answered]:
        """Return what one checkpoint answered, for the metrics."""
        return [
            Answered(
                str(row["answer"]), tuple(one.output), one.key, float(str(row["nats"])), int(str(row["bytes"])),
                int(str(row["tokens"])),
            )
            for one, row in zip(self.instances, kept, strict=True)
        ]  # fmt: skip

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, in words."""
        said = []
        if self.left_out:
            said.append(f"{self.left_out:,} instances are left out: one of the checkpoints was trained on them.")
        if self.beyond:
            said.append(f"The first {len(self.instances):,} instances are asked, a fair sample of all.")
        return tuple(said)


def plan(workspace: Workspace, work: Measure, visitor: Visitor = THE_ONE) -> Asked:
    """Return what a measurement asks of which checkpoints.

    Raises StudioError in words: for a checkpoint or a task that isn't there, and where nothing is left to ask.
    """
    stacks = [_resolve(workspace, address, visitor) for address in work.checkpoints]
    for stack in stacks:
        for change in stack.changes[-1:]:
            change.check_can("answer", "checkpoints")
    made = [stack.changes[-1].recipe for stack in stacks if stack.changes]
    if work.part == "general":
        beside = (
            made[0] if made else Recipe(model=stacks[0].base.ref, revision=stacks[0].base.revision, task_id=GENERAL)
        )
        task = _find_general(
            workspace, work, is_builtin=all(stack.base.ref == BUILTIN for stack in stacks), visitor=visitor
        )
        instances, left_out = task.instances, 0
    else:
        tasks = TaskStore(workspace)
        task = tasks.load_task(work.task_id, work.task_version, visitor)
        beside = made[0] if made else Recipe(model=stacks[0].base.ref, task_id=work.task_id)
        found = _list_part(tasks, task, work, _find_seed(made, task), visitor)
        known = set[str]().union(*(_list_known(tasks, stack, work.part) for stack in stacks))
        instances = tuple(one for one in found if one.key not in known)
        left_out = len(found) - len(instances)
    if not instances:
        raise _refuse_nothing(work, left_out)
    beyond, instances = max(0, len(instances) - MOST_INSTANCES), instances[:MOST_INSTANCES]
    columns = tuple(make_column(stack, beside) for stack in stacks)
    contents = tuple(_hash(column, task, instances) for column in columns)
    return Asked(columns, contents, task, work.part, instances, left_out, beyond)


def _resolve(workspace: Workspace, address: str, visitor: Visitor) -> Stack:
    try:
        found = resolve(workspace, ModelRef(ref=address), visitor)
        _check_base(found)
        return found
    except StudioError as error:
        error.field = "checkpoints"
        raise


def _check_base(stack: Stack) -> None:
    """Say now what the child would say of a base that can't be, and of one that isn't there any more what to do."""
    try:
        stack.base.find_folder()
    except StudioError:
        if not stack.changes or not stack.base.is_local or Path(stack.base.ref).expanduser().is_dir():
            raise
        raise ModelError(
            f"{stack.changes[-1].title} was made on {stack.base.ref}, a folder that isn't there any more. Put it back: "
            "what was measured is kept. Or export the run, and import it with the folder in which its base is now."
        ) from None


def _find_general(workspace: Workspace, work: Measure, is_builtin: bool, visitor: Visitor) -> Task:
    """The text on which forgetting is measured: the studio's own, or a task of running text that somebody names."""
    if not work.task_id:
        return write_general(is_builtin)
    task = TaskStore(workspace).load_task(work.task_id, work.task_version, visitor)
    if has_answers(task):
        raise InputError(
            f"{task.heading} has questions and answers; forgetting is measured on running text. Choose a task of text.",
            field="task_id",
        )
    return task


def _find_seed(made: Sequence[Recipe], task: Task) -> int:
    """The seed by which a run that was trained on this task split it."""
    return next((each.training.seed for each in made if any(part.task_id == task.task_id for part in each.parts)), 0)


def _list_part(tasks: TaskStore, task: Task, work: Measure, seed: int, visitor: Visitor) -> tuple[Instance, ...]:
    if work.part == "unseen":
        unseen = tasks.load_unseen(task.task_id, task.version, visitor)
        return unseen.instances if unseen else ()
    part: tuple[Instance, ...] = getattr(split_task(task, seed), work.part)
    return part


def _list_known(tasks: TaskStore, stack: Stack, part: Measured) -> set[str]:
    """What is asked in instances that a stack was trained on; for a test, also those that chose its checkpoint."""
    if part == "train":
        return set()
    known = set[str]()
    for change in stack.changes:
        for mixed in change.recipe.parts:
            try:
                split = split_task(tasks.load_task(mixed.task_id, mixed.task_version), change.recipe.training.seed)
            except StudioError:  # it was deleted since, so it isn't the one that is asked
                continue
            known |= {one.key for one in split.train}
            known |= {one.key for one in split.validation} if part == "test" else set()
    return known


def _refuse_nothing(work: Measure, left_out: int) -> InputError:
    if left_out:
        why = f"All {left_out:,} instances of this part were trained on by one of the checkpoints. Choose another part."
    elif work.part == "unseen":
        why = "This task has no instances with unseen words; the sample tasks have. Choose the part test."
    else:
        why = f"This task has no instances for {work.part}. Choose another part."
    return InputError(why, field="part")


def _hash(column: Column, task: Task, instances: Sequence[Instance]) -> str:
    stack = column.stack
    base = stack.base.find_folder() if stack.base.is_local else None
    told = [
        stack.base.model_dump(),
        [hash_weights(folder) for folder in (base, *(change.folder for change in stack.needed)) if folder],
        [change.recipe.method.model_dump(mode="json") for change in stack.needed],
        [column.precision.name, column.objective.model_dump(mode="json")],
        [task.version, *(one.id for one in instances)],
        [MOST_TOKENS, TOKENS_BEYOND],
    ]
    return hash_told(told, 24)
