"""The scores that are kept with a run: what was measured, of which checkpoint, on what. Only ever added to."""

import time

from pydantic import BaseModel, ValidationError

from studio.evidence.score import Comparison
from studio.journal import append_lines, read_lines
from studio.runs.run import Run
from studio.works.score import Part


class KeptScore(BaseModel, frozen=True):
    """Base against a checkpoint, on a part of a version of the run's task; `work` is the work that measured it."""

    at: float
    work: str = ""
    step: int
    part: Part
    task_version: str | None
    comparison: Comparison


def keep_score(run: Run, step: int, part: Part, version: str | None, comparison: Comparison, work: str = "") -> None:
    """Keep a score with its run; the same work never leaves two. Raises WorkspaceError in words."""
    if work and any(kept.work == work for kept in list_scores(run)):
        return
    kept = KeptScore(
        at=round(time.time(), 3), work=work, step=step, part=part, task_version=version, comparison=comparison
    )
    append_lines(run.scores_file, [kept.model_dump(mode="json")])


def list_scores(run: Run) -> list[KeptScore]:
    """Return the scores of a run, the oldest first; a line that can't be read is passed over."""
    found = []
    for line in read_lines(run.scores_file):
        try:
            found.append(KeptScore.model_validate(line))
        except ValidationError:
            continue
    return found
