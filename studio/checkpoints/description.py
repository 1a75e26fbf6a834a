"""What is known of a stack without loading it: the facts of its base, and a card of what was made on it."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from studio.checkpoints.address import resolve
from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.merges import list_merges
from studio.checkpoints.weights import check_stack
from studio.errors import StudioError
from studio.models.facts import ModelFacts
from studio.models.reference import ModelRef
from studio.precisions import PRECISIONS
from studio.runs.run import TRAINING
from studio.runs.status import RunStatus
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


def list_made(workspace: Workspace, runs: Iterable[RunStatus], visitor: Visitor, most: int) -> list[MadeCard]:
    """Return what these runs made, and before them the visitor's merges: what can be trained further."""
    done = (run.run_id for run in runs if run.kind == TRAINING and run.status == "finished")
    addresses = [card.address for card in list_merges(workspace, visitor)[:most]]
    addresses += [f"run:{run_id}" for run_id in done]
    return list(islice(filter(None, (describe_made(workspace, each, visitor) for each in addresses)), most))


def describe_made(workspace: Workspace, address: str, visitor: Visitor) -> MadeCard | None:
    """Return the card of a model that was made here, None where it can't be trained further."""
    try:
        stack = resolve(workspace, ModelRef(ref=address), visitor)
        check_stack(stack, PRECISIONS.read("fp32"))
    except StudioError:
        return None
    made = stack.changes[-1]
    return MadeCard(
        stack.address.ref, made.title, made.recipe.task_id, made.recipe.method_words, len(stack.changes) - 1
    )
