"""Scoring as work: the child's side. Answers are written down as they come, so a kill costs one batch of them.

Knows the desk's loaded pair and the run that is scored; the greedy answers of a batch are those of one by one, so where
it was interrupted can't be told from the result.
"""

import time
from collections.abc import Sequence
from typing import Any, Literal

from studio.answering.desk import Desk
from studio.errors import WorkspaceError
from studio.estimates.pace import Pace, save_pace
from studio.evidence.content import hash_content
from studio.evidence.kept import find_equal, keep_score
from studio.evidence.room import find_room
from studio.evidence.score import SIDES, Comparison, answer, score_answers
from studio.journal import append_lines, read_lines
from studio.models.device import find_device
from studio.recipes.recipe import Recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run, find_run
from studio.tasks.split import split_task
from studio.tasks.store import TaskStore
from studio.tasks.task import Instance
from studio.visitor import THE_ONE, Visitor
from studio.works.score import Part, Score
from studio.works.work import Outcome
from studio.workspace import Workspace

Shown = Part | Literal["validation"]
"""Instances that a model can be asked because it never trained on them; a score isn't quoted on those that chose it."""
BATCH = 32
"""Instances that are answered at once, by one side and then by the other."""


def find_instances(tasks: TaskStore, recipe: Recipe, part: Shown, visitor: Visitor = THE_ONE) -> list[Instance]:
    """Return the instances of a part that a recipe never trains on; of unseen words only a sample has some."""
    if part == "unseen":
        unseen = tasks.load_unseen(recipe.task_id, recipe.task_version, visitor)
        return list(unseen.instances) if unseen else []
    task = tasks.load_task(recipe.task_id, recipe.task_version, visitor)
    split = split_task(task, recipe.training.seed)
    return list(split.test if part == "test" else split.validation)


def score(workspace: Workspace, run: Run, events: EventWriter) -> Outcome:
    """Let base and tuned answer what isn't answered yet, and keep the score with the run that it is of."""
    began, work = time.monotonic(), Score.load(run)
    scored = find_run(workspace, work.run)
    instances = find_instances(TaskStore(workspace), scored.load_recipe(), work.part)
    content = hash_content(workspace, scored, work.step, work.part, instances)
    if equal := find_equal(scored, content):
        events.append("progressed", step=len(instances), of=len(instances), seconds_left=0.0)
        told = equal.model_dump(include={"step", "part", "task_version", "content"})
        keep_score(scored, equal.comparison, work=run.run_id, **told)
        return _conclude(events, equal.comparison, len(instances))
    answers = read_lines(run.answers_file)[: len(instances)]
    events.append_phase(2, work.phases)
    with Desk(workspace).open_pair(scored, work.step) as (pair, recipe, task):
        events.append_phase(3, work.phases)
        room, ready = find_room(instances, pair.tokenizer, pair.context), time.monotonic()
        known = len(answers)
        while batch := instances[len(answers) : len(answers) + BATCH]:
            if run.stop_file.exists():
                return Outcome(len(answers), finished=False)
            said = [answer(pair, task, batch, room, side) for side in SIDES]
            new = [
                {"id": instance.id, "base": base, "tuned": tuned}
                for instance, base, tuned in zip(batch, *said, strict=True)
            ]
            append_lines(run.answers_file, new)
            answers += new
            pace = (time.monotonic() - ready) / (len(answers) - known)
            left = round(pace * (len(instances) - len(answers)), 1)
            events.append("progressed", step=len(answers), of=len(instances), seconds_left=left)
        comparison = compare_answers(answers, instances)
        if len(answers) - known >= BATCH:
            _keep_pace(workspace, recipe, Pace(ready - began, pace))
    told = {"step": work.step, "part": work.part, "task_version": task.version, "content": content}
    keep_score(scored, comparison, work=run.run_id, **told)
    return _conclude(events, comparison, len(instances))


def _conclude(events: EventWriter, comparison: Comparison, count: int) -> Outcome:
    events.append("concluded", result=tell(comparison))
    return Outcome(count, finished=True)


def compare_answers(answers: Sequence[dict[str, Any]], instances: list[Instance]) -> Comparison:
    """Return the score of both sides' kept answers, one a line in the order of the instances."""
    sides = {side: score_answers([str(answer[side]) for answer in answers], instances) for side in SIDES}
    return Comparison(**sides)


def tell(comparison: Comparison) -> str:
    """Return what came out, in a few words."""
    base, tuned = comparison.base.exact_match, comparison.tuned.exact_match
    return f"Exactly right: {tuned:g} % tuned, {base:g} % base."


def _keep_pace(workspace: Workspace, recipe: Recipe, pace: Pace) -> None:
    """A disk that has no room for it spoils no score."""
    try:
        save_pace(workspace.cache, find_device(), recipe.base, pace)
    except WorkspaceError as error:
        print(f"How fast it answered could not be kept: {error}")
