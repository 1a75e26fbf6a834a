"""Base and tuned against instances that were never trained on."""

from collections.abc import Sequence

from pydantic import BaseModel

from studio.answering.desk import Desk
from studio.answering.pair import Pair
from studio.evidence.metrics.matching import match_exactly, measure_rouge_l
from studio.evidence.room import find_room
from studio.objectives.objective import encode_asked
from studio.runs.run import Run
from studio.tasks.task import Instance, Task

SIDES = ("base", "tuned")


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
    with desk.open_pair(run, step) as (pair, _, task):
        return compare(pair, task, instances)


def compare(pair: Pair, task: Task, instances: list[Instance]) -> Comparison:
    """Score both sides of a pair, greedily decoded."""
    room = find_room(instances, pair.tokenizer, pair.context)
    return Comparison(**{side: score_answers(answer(pair, task, instances, room, side), instances) for side in SIDES})


def answer(pair: Pair, task: Task, instances: Sequence[Instance], room: int, side: str) -> list[str]:
    """Return what one side says to instances, in at most `room` tokens."""
    objective = pair.find_objective(side == "tuned")
    prompts = [encode_asked(objective, task, instance, pair.tokenizer) for instance in instances]
    return pair.answer_many(prompts, room, side == "tuned")


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
