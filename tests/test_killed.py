"""kill -9 at any moment: the run is lost with its last true step, and goes on to the very end it would have had."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery
from tiny import import_task, losses, read_all, read_model_recipe, train, wait_until, write_recipe

from studio.runs.checkpoint import find_state_damage
from studio.runs.event import TERMINAL
from studio.runs.run import Run, new_run
from studio.runs.status import Watch
from studio.workspace import Workspace

KILLS = 40
"""As many as a suite has time for; `make soak` goes on until it is told to stop."""
TRAINING = {"max_steps": 12, "save_every": 2, "evaluate_every": 5, "keep_checkpoints": 2}
METHOD = {"name": "lora", "rank": 2, "dropout": 0.1}
"""With dropout, so that the losses after a kill are right only if the dice fall as they would have."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """A process that forks children."""
    nursery = Nursery()
    yield nursery
    nursery.close()


def read_weights(folder: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint."""
    from safetensors.numpy import load_file

    return load_file(folder / "adapter_model.safetensors")


def kill_somewhere(nursery: Nursery, workspace: Workspace, run: Run, dice: random.Random) -> str:
    """Start the run's training and kill it somewhere; return where, "" if it was faster."""
    where = dice.choice(["a file operation", "a checkpoint write", "any time"])
    nursery.doom = dice.randrange(1, 120) if where == "a file operation" else 0
    nursery.launch(workspace, run)
    launch = run.find_launch()
    assert launch is not None
    if where == "a checkpoint write":
        beside = run.checkpoints_folder / ".beside"
        after = time.monotonic() + 20
        while launch.is_alive() and not (beside.exists() and any(beside.iterdir())) and time.monotonic() < after:
            pass
        time.sleep(dice.random() * 0.01)  # the writing of a checkpoint takes about as long
    elif where == "any time":
        time.sleep(dice.random() * 0.8)
    if not nursery.doom and where != "a file operation" and launch.is_alive():
        os.kill(launch.pid, signal.SIGKILL)
    wait_until(lambda: nursery.find_exit_code(launch.pid) is not None)
    return where if nursery.find_exit_code(launch.pid) == -signal.SIGKILL else ""


def check_truth(run: Run, whole: dict[int, float]) -> None:
    """Check that the status is true, no half-written file can be read, and each loss is the one it should be."""
    status, events = Watch(run).look(), read_all_whole(run)
    ended = bool(events) and events[-1]["event"] in TERMINAL
    assert status.status == ("finished" if ended else "lost")
    told = [event for event in events if event["event"] in ("started", "metrics")]
    last = told[-1] if told else {}
    assert status.step == (last.get("step") or last.get("resumed_from") or 0)
    assert all(whole[event["step"]] == event["loss"] for event in events if event["event"] == "metrics")
    saved = {event["step"] for event in events if event["event"] == "saved"}
    for step in run.list_checkpoints():
        assert len(read_weights(run.find_checkpoint(step))) == 28
        assert find_state_damage(run.find_checkpoint(step)) == ""
    assert run.list_checkpoints() == sorted(run.look_at_checkpoints()), "a checkpoint is listed that is not whole"
    assert len(saved) < 2 or run.list_checkpoints(), "what was saved is gone"


def read_all_whole(run: Run) -> list[dict[str, Any]]:
    """Return the events of whole lines."""
    if not run.events_file.exists():
        return []
    text = run.events_file.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


@pytest.mark.slow
def test_kills_at_any_moment_change_no_loss_and_leave_nothing_half_written(
    workspace: Workspace, tiny_model: Path, nursery: Nursery
) -> None:
    import_task(workspace)
    recipe = write_recipe(tiny_model, method=METHOD, training=TRAINING)
    reference = train(workspace, recipe)
    whole, weights = losses(read_all(reference)), read_weights(reference.find_checkpoint(12))
    dice, killed = random.Random(0), Counter[str]()
    while sum(killed.values()) < KILLS:
        run = new_run(workspace, read_model_recipe(tiny_model, method=METHOD, training=TRAINING))
        while Watch(run).look().status != "finished":
            if where := kill_somewhere(nursery, workspace, run, dice):
                killed[where] += 1
            check_truth(run, whole)
        assert losses(read_all(run)) == whole
        assert set(run.list_checkpoints()) >= {10, 12}  # killed before it forgot an old one, it keeps one more
        again = read_weights(run.find_checkpoint(12))
        assert all((weights[name] == again[name]).all() for name in weights)
        assert not [path for path in run.checkpoints_folder.iterdir() if path.name.startswith(".")]
    assert min(killed[where] for where in ("a file operation", "a checkpoint write", "any time")) > 4
