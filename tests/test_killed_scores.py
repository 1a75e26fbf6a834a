"""kill -9 in mid-score, of the real process: what was measured stays, and nothing is measured twice."""

import json
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tiny import import_task, read_all, train_quickly, wait_until

from studio.launchers.process import ProcessLauncher
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.workspace import Workspace

KILLS = 3
INSTANCES = 100
"""The test part: four batches of answers."""


def restart(workspace: Workspace) -> Studio:
    """A studio that knows nothing of an earlier one but its files; its queue starts nothing by itself."""
    return Studio(workspace, ProcessLauncher())


def read_answers(run: Run) -> list[str]:
    """The whole lines of what was answered so far."""
    text = run.answers_file.read_text(encoding="utf-8") if run.answers_file.exists() else ""
    return text.splitlines(keepends=True)[: text.count("\n")]


def kill_after(run: Run, count: int) -> None:
    """kill -9 once there are more than so many answers."""
    wait_until(lambda: len(read_answers(run)) > count, seconds=400)
    launch = run.find_launch()
    assert launch is not None
    os.kill(launch.ticket["pid"], signal.SIGKILL)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["measure", "score"])
def test_a_score_that_is_killed_again_and_again_measures_each_instance_once(
    workspace: Workspace, tiny_model: Path, kind: str
) -> None:
    task = import_task(workspace, count=10 * INSTANCES)
    trained = train_quickly(workspace, tiny_model)
    names = [str(tiny_model), f"run:{trained.run_id}@4"]
    studio, dice = restart(workspace), random.Random(0)
    queued = (
        studio.scores.start(trained.run_id) if kind == "score" else studio.evidence.start(read(studio, names, task))
    )
    run, kept, lines = find_run(workspace, queued), list[str](), INSTANCES * (1 if kind == "score" else 2)
    for kill in range(KILLS):
        assert studio.scheduler.start_next() is not None
        kill_after(run, len(kept) + dice.randrange(lines // KILLS // 2))
        wait_until(lambda studio=studio: studio.run_status(run.run_id).status == "lost")
        studio = restart(workspace)
        before, kept = kept, read_answers(run)
        assert kept[: len(before)] == before and len(before) < len(kept) < lines, f"kill {kill}"
        assert studio.run_status(run.run_id).can_resume
        studio.resume_run(run.run_id)
    assert studio.scheduler.start_next() is not None
    wait_until(lambda: studio.run_status(run.run_id).status == "finished", seconds=400)
    whole = read_answers(run)
    measured = Counter((row.get("content"), row["id"]) for row in map(json.loads, whole))
    assert whole[: len(kept)] == kept and len(measured) == lines and set(measured.values()) == {1}
    again = [event["resumed_from"] for event in read_all(run) if event["event"] == "started"]
    assert again[-1] == len(kept) and again == sorted(again, key=lambda step: step or 0)
    check_result(studio, kind, trained, names, task)


def read(studio: Studio, names: list[str], task: str) -> Any:
    return studio.evidence.read(names, task)


def check_result(studio: Studio, kind: str, trained: Run, names: list[str], task: str) -> None:
    """The result is there, of all instances, and asking for it again starts nothing."""
    works = len(studio.list_runs())
    if kind == "score":
        found = studio.score(trained.run_id)
        assert found.tuned.instances == found.base.instances == INSTANCES
    else:
        assert {value.n for value in studio.evidence.score(names, task).values} == {INSTANCES}
    assert len(studio.list_runs()) == works
