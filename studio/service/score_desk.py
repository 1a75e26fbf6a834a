"""How good a run's answers are: small questions at the desk, where a model may be loaded, many of them as queued work.

Knows whose runs are whose from the studio that makes it; how answers are scored is for studio.evidence.
"""

import contextlib
from collections.abc import Callable
from functools import partial

from studio.answering.desk import Desk
from studio.checkpoints.address import read_checkpoint
from studio.errors import InputError, StudioError
from studio.evidence.content import hash_content
from studio.evidence.kept import KeptScore, find_equal, keep_score, list_scores
from studio.evidence.score import Comparison, score_run
from studio.evidence.scoring import BATCH, Shown, find_instances
from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run, find_run
from studio.runs.status import ACTIVE
from studio.service.waiting import do_and_wait, wait_for
from studio.tasks.store import TaskStore
from studio.tasks.task import Instance
from studio.visitor import Visitor
from studio.works import Work
from studio.works.score import Part, Score

AT_THE_DESK = BATCH
"""As many instances take a second or two on a loaded model; more of them wait for the device like any work."""


class ScoreDesk:
    """What a visitor does with scores: ask for one, put one into the queue, read those that are kept."""

    def __init__(
        self,
        tasks: TaskStore,
        desk: Desk,
        scheduler: Scheduler,
        visitor: Visitor,
        find: Callable[[str], Run],
        queue: Callable[[Work, str], str],
    ) -> None:
        self.tasks, self.desk, self.scheduler, self.visitor = tasks, desk, scheduler, visitor
        self._find, self._queue = find, queue

    def list_instances(self, run_id: str, part: Shown) -> list[Instance]:
        """Return the instances of a part that a run never trains on."""
        return find_instances(self.tasks, self._find(run_id).load_recipe(), part, self.visitor)

    def list_kept(self, run_id: str) -> list[KeptScore]:
        """Return the scores that are kept with a run, the oldest first."""
        return list_scores(self._find(run_id))

    def score(self, run_id: str, part: Part, step: int | None) -> Comparison:
        """Return how base and tuned score; many instances are put into the queue and waited for.

        What was measured before is not measured again.
        """
        instances = self._check_some(run_id, part)
        run = self._find(run_id)
        used = _find_step(run, step)
        content = hash_content(self.tasks.workspace, run, used, part, instances)
        if equal := find_equal(run, content):
            return equal.comparison
        if len(instances) > AT_THE_DESK:
            start = partial(self.start, run_id, part, used)
            return self.find_kept(do_and_wait(self.scheduler, self.visitor, start, self._find)).comparison
        comparison = score_run(self.desk, run, instances, used)
        version = run.load_recipe().task_version
        keep_score(run, comparison, step=used, part=part, task_version=version, content=content)
        return comparison

    def start(self, run_id: str, part: Part = "test", step: int | None = None, request: str = "") -> str:
        """Put a score into the queue, of the newest checkpoint by default; return the id of the work.

        That of an equal score which waits, is measured or is kept is returned instead of a new one.
        """
        instances = self._check_some(run_id, part)
        run = self._find(run_id)
        used = _find_step(run, step)
        work = Score(model=f"run:{run_id}@{used}", part=part, instances=len(instances))
        content = hash_content(self.tasks.workspace, run, used, part, instances)
        return self._find_equal(run, work, content) or self._queue(work, request)

    def wait_for(self, work_id: str) -> KeptScore:
        """Return what a queued score came to, when it has ended; Ctrl+C stops it. Raises StudioError in words."""
        wait_for(self.scheduler, self._find(work_id))
        return self.find_kept(work_id)

    def find_kept(self, work_id: str) -> KeptScore:
        """Return what a finished score came to. Raises InputError where it is not kept."""
        work = Score.load(self._find(work_id))
        scored = find_run(self.tasks.workspace, work.run)
        for kept in reversed(list_scores(scored)):
            if kept.work == work_id:
                return kept
        raise InputError(f"The score of {scored.name} is not kept with it any more. Score it again.", field="run_id")

    def _find_equal(self, run: Run, work: Score, content: str) -> str | None:
        """The id of work that measures the same, or has measured it and is there yet."""
        kept = find_equal(run, content)
        if kept and kept.work and Run(self.tasks.workspace.runs / kept.work).is_there():
            return kept.work
        for status in self.scheduler.look_at_all():
            if status.kind == Score.name and (status.status == "queued" or status.status in ACTIVE):
                with contextlib.suppress(StudioError):  # one that can't be read measures nothing
                    if Score.load(self._find(status.run_id)) == work:
                        return status.run_id
        return None

    def _check_some(self, run_id: str, part: Part) -> list[Instance]:
        instances = self.list_instances(run_id, part)
        if not instances:
            raise InputError(
                "This task has no instances with unseen words. The sample tasks have, and a copy of one while its "
                "definition is the sample's.",
                field="unseen",
            )
        return instances


def _find_step(run: Run, step: int | None) -> int:
    used = int(run.find_checkpoint(step).name.removeprefix("step-"))
    read_checkpoint(run, run.load_recipe(), used).check_can("answer", "run_id")
    return used
