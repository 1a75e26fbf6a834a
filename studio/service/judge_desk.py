"""Judging by hand: what a reward model of the visitor's makes of any answer to a prompt."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from studio.answering.judge import find_judge
from studio.declaration import show
from studio.errors import InputError, StudioError
from studio.models.reference import ModelRef
from studio.objectives import find_makes
from studio.rewards import Said

if TYPE_CHECKING:
    from studio.service.studio import Studio

MOST_ANSWERS = 64
MOST_LETTERS = 20_000


class Judged(BaseModel, frozen=True):
    """What a reward model, named by its address and title, makes of answers, in their order.

    Only how `scores` differ means something; None is one of an answer that is longer than the model can read.
    """

    model: str
    title: str
    scores: tuple[float | None, ...]


class JudgeDesk:
    """What a visitor does with reward models."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio

    def list_judges(self, most: int = 4) -> list[tuple[str, str]]:
        """Return the newest reward models of the visitor: their addresses, and what their runs are called."""
        runs = (one for one in self._studio.list_runs() if one.checkpoints)
        found = [one for one in runs if find_makes(one.recipe.get("objective")) == "judge"]
        return [(f"run:{run.run_id}@{run.checkpoints[-1]}", run.name) for run in found[:most]]

    def pin(self, model: str) -> str:
        """Return a reward model's address with its step, which stays true. Raises StudioError about the rewards."""
        try:
            return find_judge(self._studio.resolve_model(ModelRef(ref=model))).address.ref
        except StudioError as error:
            error.field = "objective.rewards"
            raise

    def judge(self, run_id: str, prompt: object, answers: object, step: int | None = None) -> Judged:
        """Return what a run's reward model makes of answers to a prompt of its task. Raises StudioError in words."""
        asked, texts = _check_text(prompt, "prompt"), _check_answers(answers)
        studio = self._studio
        run = studio.find_run(run_id)
        at = int(run.find_checkpoint(step).name.removeprefix("step-"))
        stack = studio.resolve_model(ModelRef(ref=f"run:{run.run_id}@{at}"))
        recipe = run.load_recipe()
        task = studio.load_task(recipe.task_id, recipe.task_version)
        with studio.desk.open_judge(stack) as judge:
            question = judge.objective.write_question(task, asked)
            scores = judge.judge([Said(text, (), question, task) for text in texts])
        return Judged(
            model=stack.address.ref,
            title=judge.made.title,
            scores=tuple(round(score, 4) if score == score else None for score in scores),
        )


def _check_text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{field} must be a text with something in it, not {show(value)}.", field=field)
    if len(value) > MOST_LETTERS:
        raise InputError(f"{field} has at most {MOST_LETTERS:,} characters; this one has {len(value):,}.", field=field)
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(f"{field} holds half a letter (a lone surrogate). Write it again.", field=field)
    return value


def _check_answers(values: Sequence[object] | object) -> list[str]:
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= MOST_ANSWERS:
        raise InputError(f"answers is a list of 1 to {MOST_ANSWERS} texts, not {show(values)}.", field="answers")
    return [_check_text(value, "answers") for value in values]
