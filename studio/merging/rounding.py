"""Rounding: what it costs to merge into a base that was trained on in codes of 4 or 8 bits, measured on some texts.

Codes can't take a change up, so the base is unpacked first. What comes out is not quite what was trained: sums are made
in another order and precision; and whoever makes codes of it again rounds what was learnt, too. Both are measured on
the run's own validation part: its loss, and how far the scores of all tokens lie apart. Imports torch inside its
functions.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.checkpoints.checkpoint import Stack
from studio.errors import StudioError
from studio.merging.results import find_matrices
from studio.models.device import DeviceFacts
from studio.models.loading import find_model_folder, load_base, load_tokenizer, return_memory
from studio.objectives.objective import Row, list_rows
from studio.precisions import Precision
from studio.recipes.recipe import Recipe
from studio.tasks.split import split_task
from studio.tasks.store import TaskStore
from studio.workspace import Workspace

if TYPE_CHECKING:
    from torch import Tensor

MOST_TEXTS = 16
LONGEST = 1024


class Scores(NamedTuple):
    """The scores of all tokens at each learnt place (places x tokens of the vocabulary), and the mean loss there."""

    logits: "Tensor"
    loss: float


def tell_rounding(workspace: Workspace, stack: Stack, merged: Any, device: DeviceFacts) -> str:
    """Return in words what merging a stack cost, "" where nothing was merged into codes. It rounds `merged` in place.

    `merged` is the model with all that was learnt in its weights.
    """
    (*below, made) = stack.needed or (None,)
    if made is None or below or made.is_whole or not made.recipe.precision.quantised:
        return ""

    def load_trained() -> Any:
        base = load_base(find_model_folder(stack.base), made.recipe.precision, device)
        return made.recipe.method.load(base, made.folder, "trained")

    return measure(workspace, made.recipe, stack, merged, load_trained, device)


def measure(
    workspace: Workspace,
    recipe: Recipe,
    stack: Stack,
    merged: Any,
    load_trained: Callable[[], Any] | None,
    device: DeviceFacts,
) -> str:
    """Return what a merged model's loss and scores are beside those before, and as codes again; it is rounded in place.

    `load_trained` loads what it was before, None where that is no model by itself.
    """
    rows = choose_rows(workspace, recipe, stack)
    if not rows:
        return "What that changes could not be measured: no text of its task is here any more."
    title = recipe.precision.title
    after = read_scores(merged, rows)
    round_again(merged, recipe.precision)
    again = read_scores(merged, rows)
    told = f"Measured on {len(rows)} texts of the validation part ({len(after.logits):,} learnt tokens): "
    if load_trained is None:
        return told + f"loss {after.loss:.4f} merged; as {title} again {again.loss:.4f}{_tell_apart(after, again)}."
    before = read_scores(load_trained(), rows)
    return_memory()
    return (
        f"{told}loss {before.loss:.4f} as trained on {title}, {after.loss:.4f} merged{_tell_apart(before, after)}; as "
        f"{title} again {again.loss:.4f}{_tell_apart(before, again)}."
    )


def _tell_apart(one: Scores, other: Scores) -> str:
    from torch.nn.functional import kl_div

    apart = float((one.logits - other.logits).abs().mean())
    before, after = one.logits.log_softmax(-1), other.logits.log_softmax(-1)
    kl = max(0.0, float(kl_div(after, before, reduction="batchmean", log_target=True)))
    return f" (logits {apart:.2g} apart on average, KL {kl:.2g} nats)"


def choose_rows(
    workspace: Workspace, recipe: Recipe, stack: Stack, part: str = "validation", most: int = MOST_TEXTS
) -> list[Row]:
    """Return the first rows of a part of a recipe's task, [] where the task isn't here any more."""
    try:
        task = TaskStore(workspace).load_task(recipe.task_id, recipe.task_version)
        instances = getattr(split_task(task, recipe.training.seed), part)[:most]
    except StudioError:
        return []
    tokenizer = load_tokenizer(find_model_folder(stack.base))
    found = (recipe.objective.encode(task, each, tokenizer, LONGEST) for each in instances)
    return list_rows(example for example in found if example)[:most]


def read_scores(model: Any, rows: Sequence[Row]) -> Scores:
    """Return what a model makes of rows, on the processor and in 32 bits."""
    import torch

    model.eval()
    logits, losses = [], []
    with torch.no_grad():
        for row in rows:
            labels = torch.tensor(row.labels[1:])
            found = model(input_ids=torch.tensor([row.input_ids], device=model.device)).logits[0, :-1].float().cpu()
            learnt = found[labels != -100]
            logits.append(learnt)
            losses.append(torch.nn.functional.cross_entropy(learnt, labels[labels != -100], reduction="none"))
    return Scores(torch.cat(logits), float(torch.cat(losses).mean()))


def round_again(model: Any, precision: Precision) -> None:
    """Let each weight that has codes at a precision be what its code stands for."""
    import torch

    with torch.no_grad():
        for weight in _list_coded(model):
            weight.data = precision.round(weight.data.float()).to(weight.dtype)


def _list_coded(model: Any) -> "Iterator[Any]":
    weights = dict(model.named_parameters(remove_duplicate=False))
    return (weights[name] for name in find_matrices(model) if name in weights)
