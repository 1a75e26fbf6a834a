"""Base and tuned against instances that were never trained on."""

from pydantic import BaseModel

from studio.answering.desk import Desk
from studio.answering.pair import Pair
from studio.evidence.metrics.matching import match_exactly, measure_rouge_l
from studio.evidence.room import find_room
from studio.objectives.objective import encode_asked
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.tasks.task import Instance, Task


class Score(BaseModel, frozen=True):
    """Means over `instances` instances: exact match and ROUGE-L, in percent."""

    exact_match: float
    rouge_l: float
    instances: int


class Comparison(BaseModel, frozen=True):
    """Base against tuned on the same instances."""

    base: Score
    tuned: Score


def score_run(desk: Desk, run: Run, instances: list[Instance], step: int | None = None) -> Comparison:
    """Return how base and tuned score on instances of the run's task. Raises StudioError in words."""
    with desk.open_pair(run, step) as (pair, recipe, task):
        return compare(pair, recipe, task, instances)


def compare(pair: Pair, recipe: Recipe, task: Task, instances: list[Instance]) -> Comparison:
    """Score both sides of a pair, greedily decoded."""
    prompts = [encode_asked(recipe.objective, task, instance, pair.tokenizer) for instance in instances]
    room = find_room(instances, pair.tokenizer, pair.context)
    return Comparison(
        **{
            side: score_answers(pair.answer_many(prompts, room, tuned=side == "tuned"), instances)
            for side in ("base", "tuned")
        }
    )


def score_answers(answers: list[str], instances: list[Instance]) -> Score:
    """Return the means over answers to instances, in the same order."""
    pairs = list(zip(answers, instances, strict=True))
    matches = [match_exactly(answer, instance.output) for answer, instance in pairs]
    rouge = [measure_rouge_l(answer, instance.output) for answer, instance in pairs]
    return Score(
        exact_match=round(100 * sum(matches) / len(pairs), 1),
        rouge_l=round(100 * sum(rouge) / len(pairs), 1),
        instances=len(pairs),
    )
