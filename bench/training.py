"""How fast a run trains, and how soon after the click its first loss is there: against TRL's SFTTrainer with its
defaults.

The same base, precision, task, rows, LoRA rank, learning rate, batches of 8 (TRL's default) and number of examples.
Else both have their defaults: TRL gradient checkpointing on all cores, the studio all cores but one.
"""

import tempfile
import time
from typing import Any

from bench.figure import Figure, run_python
from studio.runs.status import ACTIVE
from studio.service import Studio
from studio.workspace import Workspace

EPOCHS = 2


def measure() -> list[Figure]:
    """Examples a second and seconds to the first loss, for fp32, bf16 and nf4."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home)).open()
        task_id = next(card.task_id for card in studio.list_tasks() if "question" in card.task_id)
        figures = []
        for precision in ("fp32", "bf16", "nf4"):
            bare = run_python("bench/bare_trl.py", home, task_id, str(EPOCHS), precision)
            ours = train(studio, task_id, precision)
            figures += [
                Figure(name, ours[key], unit, bare[key], "bare TRL", target)
                for name, key, unit, target in (
                    (f"training speed, {precision}", "examples_per_second", "examples/s", "at least 3 x"),
                    (f"held-out loss, {precision}", "held_out_loss", "nats", "the same"),
                    (f"click to first loss, {precision}", "first_loss_seconds", "s", "at most 0.5 x"),
                )
            ]
        studio.close()
    return figures


def train(studio: Studio, task_id: str, precision: str) -> dict[str, Any]:
    """Train a run of EPOCHS epochs and read its figures from its events."""
    recipe = {
        "task_id": task_id,
        "precision": precision,
        "training": {"epochs": EPOCHS, "batch_size": 8, "sample_every": 0, "save_every": 0},
    }
    studio.estimate(recipe)
    studio.measure_device()
    time.sleep(8)  # a person reads the Method page; meanwhile the child that waits has imported its libraries
    clicked = time.time()
    run_id = studio.start_run(recipe)
    while (status := studio.run_status(run_id)).status in ACTIVE | {"queued"}:
        time.sleep(0.05)
    assert status.status == "finished", status
    events = studio.run_events(run_id).events
    metrics = [event for event in events if event["event"] == "metrics"]
    prepared = next(event for event in events if event["event"] == "prepared")
    evaluating = sum(
        after["at"] - before["at"]
        for before, after in zip(events, events[1:], strict=False)
        if after["event"] == "evaluated"
    )
    seconds = metrics[-1]["at"] - metrics[0]["at"] - evaluating
    return {
        "first_loss_seconds": metrics[0]["at"] - clicked,
        "examples_per_second": prepared["examples"] * EPOCHS * (len(metrics) - 1) / len(metrics) / seconds,
        "held_out_loss": [event["held_out_loss"] for event in events if event["event"] == "evaluated"][-1],
    }
