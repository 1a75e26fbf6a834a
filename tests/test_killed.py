"""kill -9 at any moment: the run is lost with its last true step, and goes on to the very end it would have had."""

import random
from collections import Counter
from pathlib import Path

import pytest
from accidents import MOMENTS, check_truth, choose_moment, kill_at, read_weights
from nursery import Nursery
from tiny import import_task, losses, read_all, read_model_recipe, train, write_recipe

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
