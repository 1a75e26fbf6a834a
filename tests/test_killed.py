"""kill -9 at any moment: the run is lost with its last true step, and goes on to the very end it would have had."""

import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from accidents import MOMENTS, check_truth, choose_moment, kill_at, read_weights
from nursery import PHASES, Nursery
from tiny import import_task, losses, read_all, read_model_recipe, train, wait_until, write_recipe

from studio.runs.run import new_run
from studio.runs.status import Watch
from studio.workspace import Workspace

KILLS, KILLS_OF_A_KIND = 12, 2
"""As many as a suite has time for; `make soak` goes on until it is told to stop."""
TRAINING = {"max_steps": 12, "save_every": 2, "evaluate_every": 5, "keep_checkpoints": 2}
METHOD = {"name": "lora", "rank": 2, "dropout": 0.1}
"""With dropout, so that the losses after a kill are right only if the dice fall as they would have."""


@pytest.mark.long
def test_kills_at_any_moment_change_no_loss_and_leave_nothing_half_written(
    workspace: Workspace, tiny_model: Path, nursery: Nursery
) -> None:
    import_task(workspace)
    reference = train(workspace, write_recipe(tiny_model, method=METHOD, training=TRAINING))
    whole, weights = losses(read_all(reference)), read_weights(reference.find_checkpoint(12))
    dice, killed = random.Random(0), Counter[str]()
    while sum(killed.values()) < KILLS or min(killed[moment] for moment in MOMENTS) < KILLS_OF_A_KIND:
        run = new_run(workspace, read_model_recipe(tiny_model, method=METHOD, training=TRAINING))
        while Watch(run).look().status != "finished":
            moment = choose_moment(nursery, dice)
            nursery.launch(workspace, run)
            killed[moment] += kill_at(moment, nursery, run, dice)
            check_truth(run, whole)
        assert losses(read_all(run)) == whole
        assert set(run.list_checkpoints()) >= {10, 12}  # killed before it forgot an old one, it keeps one more
        again = read_weights(run.find_checkpoint(12))
        assert all((weights[name] == again[name]).all() for name in weights)
        assert not [path for path in run.checkpoints_folder.iterdir() if path.name.startswith(".")]


REWARDED = {
    "name": "ppo",
    "rewards": [{"name": "matches", "pattern": "[a-z]"}],
    "answer_tokens": 4,
    "group": 32,
    "target": 0.5,
}


@pytest.mark.long
def test_a_kill_in_any_phase_of_rlhf_leads_to_the_same_curve(
    workspace: Workspace, tiny_model: Path, nursery: Nursery
) -> None:
    import_task(workspace)
    how = {
        "objective": REWARDED,
        "training": {"max_steps": 8, "save_every": 3, "evaluate_every": 2, "learning_rate": 0.01},
    }
    reference = train(workspace, write_recipe(tiny_model, **how))
    whole = [_tell(event) for event in read_all(reference) if event["event"] == "metrics"]
    weights = read_weights(reference.find_checkpoint(8))
    for phase in PHASES:
        run = new_run(workspace, read_model_recipe(tiny_model, **how))
        for outlived in (0, 2):  # at once, and on the way
            nursery.phase = (phase, outlived)
            nursery.launch(workspace, run)
            launch = run.find_launch()
            assert launch is not None
            pid = launch.ticket["pid"]
            assert wait_until(lambda pid=pid: (code := nursery.find_exit_code(pid)) is not None and (code, True))[
                0
            ] == (-signal.SIGKILL), phase
            assert Watch(run).look().status == "lost"
        nursery.launch(workspace, run)
        wait_until(lambda run=run: Watch(run).look().status == "finished")
        told = {event["step"]: _tell(event) for event in read_all(run) if event["event"] == "metrics"}
        assert [told[step] for step in sorted(told)] == whole, phase
        again = read_weights(run.find_checkpoint(8))
        assert all((weights[name] == again[name]).all() for name in weights), phase


def _tell(event: dict[str, Any]) -> tuple[Any, ...]:
    """What a step came to, all measures among it."""
    return event["step"], event["loss"], event["measures"]
