"""One answer to "what will this recipe cost?": counts, memory, time, and the picture of one matrix."""

from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from studio.errors import StudioError
from studio.estimates.activations import (
    PLAINLY,
    Activations,
    Computing,
    NotMeasured,
    Spared,
    find_activations,
)
from studio.estimates.checking import check_precision
from studio.estimates.counting import (
    SAVED_BYTES,
    Count,
    LinearShape,
    Part,
    Shape,
    count,
    count_per_rank,
    count_saved,
    find_shape,
)
from studio.estimates.memory import find_largest, itemise_memory, weigh_kernels
from studio.estimates.time import StepKind, estimate_seconds, load_speed
from studio.models.architecture import read_config_text, read_sizes
from studio.models.device import ROOM, DeviceFacts, Fit
from studio.models.loading import attends_plainly
from studio.models.reference import read_config
from studio.models.stored import read_stored
from studio.recipes.options import OPTIMISERS
from studio.recipes.recipe import Recipe
from studio.recipes.smaller import Change, find_change

MOST_PARTS = 4
"""A picture shows no more tensors than these."""
READ_BEFORE = 1.125
"""Of the tokens to train on, and of those of the validation part, so many are read for a reference: an eighth more."""


class MatrixPicture(BaseModel, frozen=True):
    """One frozen matrix (rows x columns) and what trains beside it.

    `parts` are the tensors that train for it. `rank` and `factor_count` are those of a pair of thin factors, whose
    product is as large as the matrix, None where the method has no such pair.
    """

    name: str
    rows: int
    columns: int
    rank: int | None
    full_count: int
    factor_count: int | None
    parts: tuple[Part, ...] = ()

    @property
    def is_pair(self) -> bool:
        """Whether a pair of thin factors and nothing else of size trains beside it."""
        return self.factor_count is not None and all(part.columns > 1 for part in self.parts)


class Estimate(BaseModel, frozen=True):
    """What a recipe will cost; sizes in bytes, `seconds` None until this device was measured.

    `total` are the weights of the `base` and those that the method adds; `epochs` says how often each of the `examples`
    is seen on average; `per_rank` how many more train with each further rank, and `bytes_per_rank` by how much the file
    grows, None where that is no straight line.

    `largest` names the largest item of `memory`; `change` is the smallest change that makes it fit, where it doesn't.
    Where memory can't be told, it is None, `fits` is unknown, and one of the `notes` says why; others say what a person
    should know of this method or precision on this model. `kind` is what the time of its steps hangs on.
    """

    trainable: int
    total: int
    base: int
    percent: float
    adapter_bytes: int
    memory_bytes: int | None
    memory: dict[str, int]
    largest: str | None
    free_bytes: int
    change: Change | None
    fits: Fit
    steps: int
    examples: int
    epochs: float
    seconds: float | None
    matrix: MatrixPicture
    parts: tuple[Part, ...]
    sentence: str
    kind: StepKind
    notes: tuple[str, ...] = ()
    per_rank: int | None = None
    bytes_per_rank: int | None = None


class TaskSize(NamedTuple):
    """What an estimate needs of a task: its training examples, and their tokens.

    On average, in the longest row, in a long answer, and those that all rows begin with. Of `seen` examples,
    `thoughtless` come with reasoning that the chat template leaves out. An example is so many `rows`. There are so many
    `different` lengths.
    """

    examples: int
    tokens: float
    longest: int
    learnt: float
    shared: int = 0
    thoughtless: int = 0
    seen: int = 0
    rows: int = 1
    different: int = 1


def estimate_recipe(
    recipe: Recipe, folder: Path, task: TaskSize, device: DeviceFacts, cache: Path, names: Mapping[str, str]
) -> Estimate:
    """Return the estimate of `recipe` on the model described in `folder`. Raises ModelError or RecipeError in words.

    `names` says what to call the "model" and the "task" in the sentence.
    """
    check_precision(recipe.precision, folder)
    shape, counted, each = find_shape(folder), count_trained(recipe, folder), count_per_rank(folder, recipe.method)
    plan = recipe.plan(counted.base, task.examples)
    notes, memory, needed, change = [*list_notes(recipe, shape, task)], {}, None, None
    try:
        spared = choose_spared(recipe, folder, task, device)
        memory = weigh_memory(recipe, folder, task, device, spared)
        notes += _tell_spared(spared)
        needed = sum(memory.values())
    except NotMeasured as error:
        notes.append(f"Its memory can't be estimated: {error}")
    fits = device.judge(needed)
    if fits not in ("fits", "unknown"):
        change = find_change(recipe, device.free_bytes, lambda changed: _weigh(changed, folder, task, device))
    kind = find_step_kind(recipe, folder, device)
    speed = load_speed(cache, device, kind)
    batch = plan.batch_size * recipe.training.gradient_accumulation
    tokens = count_step_tokens(recipe, task, plan.batch_size)
    before = count_read_before(recipe, task, plan.batch_size) * _count_read(recipe, task, plan.batch_size)
    seconds = estimate_seconds(speed, count_computing(recipe, shape), tokens, plan.steps, before) if speed else None
    return Estimate(
        trainable=counted.trainable,
        total=counted.total,
        base=counted.base,
        percent=100 * counted.trainable / counted.total,
        adapter_bytes=SAVED_BYTES * count_saved(recipe.method, counted),
        memory_bytes=needed,
        memory=memory,
        free_bytes=device.free_bytes,
        largest=find_largest(memory) if memory else None,
        fits=fits,
        change=change,
        steps=plan.steps,
        examples=task.examples,
        epochs=plan.steps * batch / max(1, task.examples),
        seconds=seconds,
        matrix=draw_matrix(shape, counted.parts, recipe.method.virtual_tokens),
        parts=counted.parts,
        sentence=write_sentence(recipe, counted, task, names, seconds),
        notes=tuple(notes),
        kind=kind,
        per_rank=each.trainable if each else None,
        bytes_per_rank=each.saved_bytes if each else None,
    )


def count_step_tokens(recipe: Recipe, task: TaskSize, batch_size: int) -> float:
    """Return the tokens that a step computes with, as often as it does."""
    objective = recipe.objective
    passes = objective.count_passes(batch_size * task.rows) - objective.writes
    batch = objective.writes * batch_size * task.tokens + passes * _count_read(recipe, task, batch_size)
    return recipe.training.gradient_accumulation * batch


def count_computing(recipe: Recipe, shape: Shape) -> int:
    """Return the weights of the base that a token of a recipe is multiplied with: without the head where none is
    predicted.
    """
    return shape.base if recipe.objective.predicts else shape.base - shape.vocabulary * shape.hidden


def _count_read(recipe: Recipe, task: TaskSize, batch_size: int) -> float:
    """The tokens of a batch, of which those that all its rows begin with are read once."""
    rows = batch_size * task.rows
    tokens = batch_size * min(task.tokens, task.rows * recipe.training.max_length)
    once = recipe.training.shares_beginnings and not recipe.method.virtual_tokens
    return tokens - (rows - 1) * task.shared if once else tokens


def count_read_before(recipe: Recipe, task: TaskSize, batch_size: int) -> float:
    """Return how many batches are read before the first step, and not learnt from."""
    return READ_BEFORE * task.examples / batch_size if "reference" in recipe.objective.needs else 0.0


def count_trained(recipe: Recipe, folder: Path) -> Count:
    """Return the parameters of a recipe, those of a head of its objective's own among them."""
    counted = count(folder, recipe.method)
    head = recipe.objective.count_head(find_shape(folder).hidden)
    return counted._replace(trainable=counted.trainable + head, total=counted.total + head)


def find_step_kind(recipe: Recipe, folder: Path, device: DeviceFacts) -> StepKind:
    """Return what the time of a recipe's steps hangs on, for the model described in `folder`."""
    shape = find_shape(folder)
    return StepKind(
        shape.base,
        shape.linear,
        read_sizes(read_config_text(folder)).layers or 1,
        shape.hidden,
        recipe.held_in.name,
        recipe.choose_half(device),
        recipe.training.gradient_checkpointing,
        recipe.objective.name,
    )


def list_notes(recipe: Recipe, shape: Shape, task: TaskSize) -> Iterator[str]:
    """Yield what a person should know of a recipe's method, precision and template on a model of this shape."""
    if task.thoughtless:
        yield (
            f"The model's chat template leaves the reasoning out of {task.thoughtless:,} of the {task.seen:,} examples "
            "that were looked at, so it is not learnt there."
        )
    if getattr(recipe.method, "targets", "") == "all-linear" and shape.left_out:
        yield f"Of the linear layers, {', '.join(shape.left_out)} are left out: peft can't tune them in this model."
    others = shape.base - shape.linear - 2 * shape.vocabulary * shape.hidden
    if recipe.precision.quantised and others > shape.base / 10:
        yield (
            f"{recipe.precision.title} reaches {shape.linear:,} of {shape.base:,} weights; the others, such as experts "
            "in one tensor, stay as they are."
        )


def _weigh(recipe: Recipe, folder: Path, task: TaskSize, device: DeviceFacts) -> float:
    """The bytes of a change that is thought of, without end where the model doesn't go with it."""
    try:
        check_precision(recipe.precision, folder)
        return sum(weigh_memory(recipe, folder, task, device, choose_spared(recipe, folder, task, device)).values())
    except StudioError:
        return inf


def choose_spared(recipe: Recipe, folder: Path, task: TaskSize, device: DeviceFacts) -> Spared:
    """Return how many layers of a checkpointed model a card has room to keep whole, and whether it has no room even for
    the table of words, and for what goes into the layers. Raises as `weigh_memory` does.

    Neither on a processor, whose memory is not the run's alone.
    """
    if not recipe.training.gradient_checkpointing or device.kind == "cpu":
        return PLAINLY
    ways = [Spared(whole) for whole in range(_find_kept(recipe, folder, task, device).number, -1, -1)]
    if device.kind == "cuda":
        has_words = count_trained(recipe, folder).words > 0
        ways += [Spared(words=True)] * has_words + [Spared(on_host=True, words=has_words)]
    fitting = (
        way for way in ways if sum(weigh_memory(recipe, folder, task, device, way).values()) < ROOM * device.free_bytes
    )
    return next(fitting, ways[-1])


def _tell_spared(spared: Spared) -> list[str]:
    if spared.whole:
        return [f"Of the layers, {spared.whole} fit whole; the others are computed twice."]
    notes = []
    if spared.words:
        notes.append("The table of words lies in the computer's own memory, for the card has no room for it.")
    if spared.on_host:
        notes.append("What goes into each layer waits in the computer's own memory, for the card has no room for it.")
    return notes


def weigh_memory(
    recipe: Recipe, folder: Path, task: TaskSize, device: DeviceFacts, spared: Spared = PLAINLY
) -> dict[str, int]:
    """Return what -> bytes at the peak of a run of `recipe` on `device`. Raises ModelError or RecipeError in words.

    `spared` says what checkpointing, where it is on, leaves on the card.
    """
    shape, counted = find_shape(folder), count_trained(recipe, folder)
    plan = recipe.plan(counted.base, task.examples)
    length = min(task.longest, recipe.training.max_length)
    mixed, checkpointing = recipe.choose_half(device) is not None, recipe.training.gradient_checkpointing
    memory = itemise_memory(
        shape,
        counted,
        recipe.held_in,
        _find_kept(recipe, folder, task, device),
        batch=min(plan.batch_size * task.rows, recipe.objective.rows_at_once or plan.batch_size * task.rows),
        length=length,
        learnt=task.learnt if recipe.objective.predicts else 0,
        shared=task.shared if recipe.training.shares_beginnings else 0,
        checkpointing=checkpointing,
        spared=spared,
        in_pieces=not caps_logits(read_config(folder)),
        on_processor=device.kind == "cpu",
        half=device.half,
        kept_copies=mixed and recipe.precision.name == "nf4" and recipe.method.skips_rows and not checkpointing,
        adds_up=recipe.training.gradient_accumulation > 1,
        state_bytes=OPTIMISERS[recipe.training.optimiser].state_bytes,
    )
    if device.kind == "cpu" and mixed:
        batches = plan.steps + count_read_before(recipe, task, plan.batch_size)
        memory["kernels"] = weigh_kernels(batches, task.different, recipe.objective.predicts)
    if device.unpacks and recipe.held_in.count_number(None) == 2:
        memory["unpacked head"] = 4 * shape.vocabulary * shape.hidden
    if judges := len(set(recipe.objective.list_models())):
        memory["reward models"] = judges * memory["base weights"]
    stored = read_stored(read_config(folder))
    if stored:
        memory["base weights"] += int(stored.more_bytes * shape.linear)
    return memory


def _find_kept(recipe: Recipe, folder: Path, task: TaskSize, device: DeviceFacts) -> Activations:
    """What a recipe's step keeps for the way back, as it is computed on a device."""
    length = min(task.longest, recipe.training.max_length)
    plain = attends_plainly(device, length, recipe.training.attention)
    computing = Computing(
        recipe.held_in.count_number(device.half),
        recipe.choose_half(device) is not None,
        plain,
        plain and task.shared > 0 and recipe.training.shares_beginnings and not recipe.method.virtual_tokens,
        device.kind == "cuda" and recipe.method.skips_rows and recipe.precision.name != "int8",
    )
    return find_activations(folder, recipe.method, computing)


def caps_logits(config: dict[str, Any]) -> bool:
    """Whether a model bends its logits after the head, which then is not applied piece by piece."""
    names = ("final_logit_softcapping", "logits_scaling", "logit_scale", "logits_soft_cap")
    return any(config.get(name) not in (None, 1, 1.0) for name in names)


def draw_matrix(shape: Shape, parts: tuple[Part, ...], virtual_tokens: int = 0) -> MatrixPicture:
    """Return the picture of the largest kind of linear layer that something trains beside, or of the largest of all.

    Beside learnt tokens that is the table of the tokens there are.
    """
    tuned = [kind for kind in shape.kinds if any(part.name.startswith(f"{kind.name}.") for part in parts)]
    kind = max(tuned or shape.kinds, key=_size, default=LinearShape("weights", shape.hidden, shape.hidden, 1))
    if virtual_tokens:
        kind = LinearShape("vocabulary", shape.vocabulary, shape.hidden, 1)
    beside = tuple(part for part in parts if part.name.startswith(f"{kind.name}.")) or parts[:MOST_PARTS]
    pair = sorted((part for part in beside if part.columns > 1), key=lambda part: part.rows == kind.rows)
    rank = pair[0].rows if len(pair) == 2 and _make(pair[0], pair[1], kind) else None
    return MatrixPicture(
        name=kind.name,
        rows=kind.rows,
        columns=kind.columns,
        full_count=kind.rows * kind.columns,
        rank=rank,
        factor_count=sum(part.rows * part.columns for part in beside) if rank else None,
        parts=beside,
    )


def _make(thin: Part, other: Part, kind: LinearShape) -> bool:
    """Whether other x thin is as large as the matrix."""
    return thin.rows == other.columns and (other.rows, thin.columns) == (kind.rows, kind.columns)


def write_sentence(
    recipe: Recipe, counted: Count, task: TaskSize, names: Mapping[str, str], seconds: float | None
) -> str:
    """Return the whole recipe in one sentence."""
    duration = f", about {seconds:.0f} s here" if seconds else ""
    percent = 100 * counted.trainable / counted.total
    return (
        f"{names['model']} learns {names['task']} ({task.examples:,} examples) by {recipe.method_words}: "
        f"{counted.trainable:,} of {counted.total:,} parameters ({percent:.1f} %){duration}."
    )


def _size(kind: LinearShape) -> int:
    return kind.rows * kind.columns
