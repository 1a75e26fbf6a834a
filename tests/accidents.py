"""Accidents that the tests and the soak let happen, and what has to be true after each.

Real ones: processes are killed, files are cut. Everything random comes from the dice that are handed in.
"""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nursery import Nursery
from tiny import wait_until

from studio.runs.damage import find_state_damage
from studio.runs.event import TERMINAL
from studio.runs.run import Run
from studio.runs.status import Watch

WEIGHTS = "adapter_model.safetensors"
TENSORS = 28
"""How many the adapter of the tiny model has."""
MOMENTS = ("a file operation", "a checkpoint write", "any time")


def choose_moment(nursery: Nursery, dice: random.Random) -> str:
    """Choose when the next child of the nursery is killed, and doom it where only it can do that."""
    moment = dice.choice(MOMENTS)
    nursery.doom = dice.randrange(1, 120) if moment == "a file operation" else 0
    return moment


def kill_at(moment: str, nursery: Nursery, run: Run, dice: random.Random) -> bool:
    """Kill the run's child at that moment, or see it end before; return whether it was killed."""
    launch = run.find_launch()
    assert launch is not None
    if moment == "a checkpoint write":
        wait_until(lambda: not launch.is_alive() or writes_checkpoint(run))
        time.sleep(dice.random() * 0.01)  # the writing of a checkpoint takes about as long
    elif moment == "any time":
        time.sleep(dice.random() * 0.8)
    if moment != "a file operation" and launch.is_alive():
        os.kill(launch.ticket["pid"], signal.SIGKILL)
    code = wait_until(lambda: (code := nursery.find_exit_code(launch.ticket["pid"])) is not None and (code, True))
    return bool(code[0] == -signal.SIGKILL)


def writes_checkpoint(run: Run) -> bool:
    """Whether a checkpoint is being written; the child clears what its predecessor left while this looks."""
    try:
        return bool(os.listdir(run.checkpoints_folder / ".beside"))
    except FileNotFoundError:
        return False


def check_truth(run: Run, whole: dict[int, float]) -> None:
    """Check that the status is true, nothing half written can be read, and each loss is the one it should be."""
    status, events = Watch(run).look(), read_whole_events(run)
    said = [event for event in events if event["event"] != "died"]
    ended = bool(said) and said[-1]["event"] in TERMINAL
    assert status.status == ("finished" if ended else "lost"), status
    told = [event for event in events if event["event"] in ("started", "metrics")]
    last = told[-1] if told else {}
    assert status.step == (last.get("step") or last.get("resumed_from") or 0), status
    check_losses(events, whole)
    found = run.look_at_checkpoints()
    assert not any(found.values()), f"a checkpoint is seen that is not whole: {found}"
    for step in found:
        assert len(read_weights(run.find_checkpoint(step))) == TENSORS
        assert find_state_damage(run.find_checkpoint(step)) == ""
    assert sum(event["event"] == "saved" for event in events) < 2 or found, "what was saved is gone"


def check_losses(events: list[dict[str, Any]], whole: dict[int, float]) -> None:
    """Check that every loss is that of a training which nothing ever happened to, to the last digit that is told."""
    wrong = [event for event in events if event["event"] == "metrics" and whole[event["step"]] != event["loss"]]
    assert not wrong, f"losses are other than they would have been: {wrong[:3]}"


def read_whole_events(run: Run) -> list[dict[str, Any]]:
    """Return the events of whole lines."""
    if not run.events_file.exists():
        return []
    text = run.events_file.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def read_weights(folder: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint."""
    from safetensors.numpy import load_file

    return dict(load_file(folder / WEIGHTS))


def cut(name: str) -> Callable[[Path], Any]:
    """Return a hand that cuts a file of a checkpoint short."""
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size * 2 // 3)


def drop(name: str) -> Callable[[Path], Any]:
    """Return a hand that deletes a file of a checkpoint."""
    return lambda folder: (folder / name).unlink()


def fill(name: str, data: bytes) -> Callable[[Path], Any]:
    """Return a hand that writes over a file of a checkpoint."""
    return lambda folder: (folder / name).write_bytes(data)
