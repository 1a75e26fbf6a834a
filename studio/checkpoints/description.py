"""What is known of a stack without loading it: the facts of its base, and a card of what was made on it."""

from typing import NamedTuple

from studio.checkpoints.address import resolve
from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.weights import check_stack
from studio.errors import StudioError
from studio.models.facts import ModelFacts
from studio.models.reference import ModelRef
from studio.precisions import PRECISIONS
from studio.visitor import Visitor
from studio.workspace import Workspace


class MadeCard(NamedTuple):
    """A model that was made here: its address with the step, its name, the task it learned and by which method."""

    ref: str
    title: str
    task_id: str
    method: str
    made_on: int
    """How many other runs it was made on top of."""


def describe_stack(stack: Stack, facts: ModelFacts) -> ModelFacts:
    """Return the facts of a stack, of those of its base: architecture, tokenizer and sizes are the same."""
    if not stack.changes:
        return facts
    return facts.model_copy(update={"ref": stack.address.ref, "title": stack.changes[-1].title})


def describe_made(workspace: Workspace, run_id: str, visitor: Visitor) -> MadeCard | None:
    """Return the card of what a run made, None where it can't be trained further."""
    try:
        stack = resolve(workspace, ModelRef(ref=f"run:{run_id}"), visitor)
        check_stack(stack, PRECISIONS.read("fp32"))
    except StudioError:
        return None
    made = stack.changes[-1]
    return MadeCard(
        stack.address.ref, made.title, made.recipe.task_id, made.recipe.method_words, len(stack.changes) - 1
    )
