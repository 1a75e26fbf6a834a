"""The scores that are kept with a run: what was measured, of which checkpoint, on what. Only ever added to."""

import time
from typing import Any

from pydantic import BaseModel, ValidationError

from studio.evidence.score import Comparison
from studio.journal import append_lines, read_lines
from studio.runs.run import Run
from studio.works.score import Part


class KeptScore(BaseModel, frozen=True):
    """Base against a checkpoint, on a part of a version of the run's task; `work` is the work that measured it.

    `model` is the checkpoint's address, and scores of one `content` are of the same thing (studio.evidence.content);
    both are "" in those of before there were any.
    """

    at: float
    work: str = ""
    step: int
    part: Part
    task_version: str | None
    comparison: Comparison
    model: str = ""
    content: str = ""


def keep_score(run: Run, comparison: Comparison, **told: Any) -> None:
    """Keep a score with its run; the same work never leaves two. `told` are the other fields of a KeptScore.

    Raises WorkspaceError in words.
    """
    kept = KeptScore(at=round(time.time(), 3), comparison=comparison, model=f"run:{run.run_id}@{told['step']}", **told)
    if kept.work and any(other.work == kept.work for other in list_scores(run)):
        return
    append_lines(run.scores_file, [kept.model_dump(mode="json")])


def find_equal(run: Run, content: str) -> KeptScore | None:
    """Return the newest score of the same thing, None where it was never measured."""
    return next((kept for kept in reversed(list_scores(run)) if kept.content == content), None)


def list_scores(run: Run) -> list[KeptScore]:
    """Return the scores of a run, the oldest first; a line that can't be read is passed over."""
    found = []
    for line in read_lines(run.scores_file):
        try:
            found.append(KeptScore.model_validate(line))
        except ValidationError:
            continue
    return found
