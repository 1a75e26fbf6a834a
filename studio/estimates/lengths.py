"""How long a task's examples are in tokens of a model, from a sample, and whether any fits into what it reads."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from studio.errors import RecipeError
from studio.estimates.estimate import TaskSize
from studio.models.facts import describe_model, find_config_folder
from studio.models.loading import load_tokenizer
from studio.models.reference import ModelRef
from studio.objectives.objective import Example, Objective, count_shared, list_rows, longest_row, refuse_lengths
from studio.recipes.recipe import Recipe
from studio.tasks.mixture import count_mixed
from studio.tasks.task import Instance, Task

SAMPLED = 300
"""How many instances are tokenised."""


class TokenLengths(BaseModel, frozen=True):
    """How long a task's examples (prompt and answer) are in tokens of one model.

    `mean` is of all rows of an example together; the other lengths are of its longest row. `learnt` are those of the
    answer on average, `learnt_p95` those of a long one, `learnt_fewest` of the shortest, `shared` those that all begin
    with; there are so many `different` lengths. Of the `counted` examples, `thoughtless` come with reasoning that the
    model's chat template leaves out. Each is so many `rows`.
    """

    model: str
    counted: int
    mean: float
    learnt: float
    shared: int
    shortest: int
    median: int
    p95: int
    longest: int
    too_long: int
    context: int | None
    thoughtless: int = 0
    learnt_p95: int = 0
    learnt_fewest: int = 0
    rows: int = 1
    different: int = 1


def measure_lengths(task: Task, ref: ModelRef, objective: Objective) -> TokenLengths:
    """Return how long the first examples of a task are. Raises ModelError or RecipeError in words."""
    tokenizer = load_tokenizer(find_config_folder(ref))
    context = describe_model(ref).context
    found = [_encode(task, place, objective, tokenizer) for place in range(min(SAMPLED, len(task.instances)))]
    _try_other_shapes(task, objective, tokenizer)
    examples = [example for example in found if example is not None]
    if not examples:
        raise RecipeError(
            f"Nothing of the task {task.heading!r} is learnt: its file marks every answer as not to be. Choose another "
            "task, or take the marks out.",
            field="task_id",
        )
    rows, lengths = list_rows(examples), sorted(map(longest_row, examples))
    learnt = sorted(sum(label != -100 for label in row.labels) for row in rows)
    return TokenLengths(
        model=ref.ref,
        counted=len(lengths),
        mean=sum(len(row.input_ids) for row in rows) / len(lengths),
        learnt=sum(learnt) / len(lengths),
        learnt_p95=_rank(learnt, 0.95),
        learnt_fewest=learnt[0],
        shared=count_shared(rows),
        shortest=lengths[0],
        median=_rank(lengths, 0.5),
        p95=_rank(lengths, 0.95),
        longest=lengths[-1],
        rows=max(map(len, examples)),
        different=len(set(lengths)),
        context=context,
        too_long=sum(length > (context or 10**9) for length in lengths),
        thoughtless=sum(objective.drops_thoughts(task, one, tokenizer) for one in task.instances[: len(found)]),
    )


def _encode(task: Task, place: int, objective: Objective, tokenizer: Any) -> Example | None:
    """The rows of an instance. Raises RecipeError that says which one can't be rendered."""
    try:
        return objective.encode(task, task.instances[place], tokenizer, 10**9)
    except RecipeError as error:
        where = f" (instance {place + 1:,} of {len(task.instances):,})" if place else ""
        raise RecipeError(f"{error}{where}", field=error.field) from None


def _try_other_shapes(task: Task, objective: Objective, tokenizer: Any) -> None:
    """Render one instance of each shape that the sample hasn't, since a template may refuse that shape alone."""
    seen = {_find_shape(instance) for instance in task.instances[:SAMPLED]}
    for place in range(SAMPLED, len(task.instances)):
        shape = _find_shape(task.instances[place])
        if shape not in seen:
            seen.add(shape)
            _encode(task, place, objective, tokenizer)


def _find_shape(instance: Instance) -> frozenset[tuple[str, ...]]:
    """What follows what in a conversation, and what its turns carry: that is what templates look at."""
    roles = ["", *(turn.role for turn in instance.messages), ""]
    carried = {(turn.role, *sorted(turn.extra)) for turn in instance.messages if turn.extra}
    return frozenset({*zip(roles, roles[1:], strict=False), *carried, *([("tools",)] if instance.tools else [])})


def measure_mixture(lengths: Sequence[TokenLengths], recipe: Recipe, own: int) -> TaskSize:
    """Return what an estimate needs of a recipe's tasks, `own` examples of the first and the others by weight."""
    weights = [part.weight for part in recipe.parts]
    count = count_mixed(own, weights[1:])

    def average(values: Iterable[float]) -> float:
        return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)

    if recipe.objective.packs:
        mean, room = average(one.mean for one in lengths), min(find_room(recipe, one) for one in lengths)
        each = room // mean if mean <= room else room / mean  # whole documents, or parts of one
        windows = max(1, round(count / max(each, 1e-9)))
        tokens = count * mean / windows
        return TaskSize(windows, tokens, min(room, round(count * mean)), room, different=2)
    each, written = recipe.objective.rows_each, recipe.objective.longest_written
    more = [written - one.learnt if written else 0 for one in lengths]
    return TaskSize(
        count,
        each * average(one.mean + by for one, by in zip(lengths, more, strict=True)),
        max(round(one.longest + by) for one, by in zip(lengths, more, strict=True)),
        written or max(one.learnt_p95 for one in lengths),  # the longest batch comes first, and has to fit
        lengths[0].shared if len(lengths) == 1 else 0,
        sum(one.thoughtless for one in lengths),
        sum(one.counted for one in lengths),
        each * max(one.rows for one in lengths),
        max(one.different for one in lengths),
    )


def find_room(recipe: Recipe, lengths: TokenLengths) -> int:
    """Return how many tokens of an example a run reads at most."""
    return min(recipe.training.max_length, (lengths.context or 10**9) - recipe.method.virtual_tokens)


def check_lengths(recipe: Recipe, task: Task, examples: tuple[Instance, ...], lengths: TokenLengths) -> None:
    """Raise RecipeError in words where not one of the training examples fits into what the model may read."""
    room = find_room(recipe, lengths)
    if lengths.shortest > room and not recipe.objective.packs:  # hardly ever: then all of them are looked at
        tokenizer = load_tokenizer(find_config_folder(recipe.base))
        if not any(recipe.objective.encode(task, instance, tokenizer, room) for instance in examples):
            raise refuse_lengths(len(examples), room)


def _rank(values: list[int], share: float) -> int:
    return values[min(len(values) - 1, int(share * len(values)))]
