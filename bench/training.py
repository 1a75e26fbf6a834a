"""How fast a run trains, and how soon after the click its first loss is there: against TRL's SFTTrainer with its
defaults.

The same base, precision, task, rows, LoRA rank, learning rate, batches of 8 (TRL's default) and number of examples.
Else both have their defaults: TRL gradient checkpointing on all cores, the studio all cores but one. Then once more
with the batch that the studio chooses itself and as many steps: the seconds of training until the validation loss is
what TRL ended with. Medians of three seeds, for where the loss ends hangs on the seed.
"""

import json
import math
import statistics
import tempfile
import time
from typing import Any

from bench.figure import Figure, run_python
from studio.runs.status import ACTIVE
from studio.service import Studio
from studio.workspace import Workspace

EPOCHS = 2
SEEDS = (1, 2, 3)


def measure() -> list[Figure]:
    """Examples a second and seconds to the first loss, for fp32, bf16 and nf4."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home)).open()
        task_id = next(card.task_id for card in studio.list_tasks() if "question" in card.task_id)
        figures = []
        for precision in ("fp32", "bf16", "nf4"):
            bare = _middle([train_by_trl(home, task_id, precision, seed) for seed in SEEDS])
            ours = _middle([train(studio, task_id, precision, seed=seed) for seed in SEEDS])
            goal, options = bare["validation_loss"], {"epochs": None, "batch_size": None, "evaluate_every": 10}
            options["max_steps"] = round(ours["steps"])
            own = _middle([train(studio, task_id, precision, goal, seed=seed, **options) for seed in SEEDS])
            figures += [
                Figure(name, ours[key], unit, bare[key], "bare TRL", target)
                for name, key, unit, target in (
                    (f"training speed, {precision}", "examples_per_second", "examples/s", "at least 3 x"),
                    (f"validation loss, {precision}", "validation_loss", "nats", "the same"),
                    (f"click to first loss, {precision}", "first_loss_seconds", "s", "at most 0.5 x"),
                )
            ]
            name = f"training until TRL's validation loss, {precision}"
            if own["seconds"] == math.inf:
                raise SystemExit(f"{name}: {goal:.4f} nats were not reached in {options['max_steps']} steps.")
            figures.append(Figure(name, own["seconds"], "s", bare["seconds"], "bare TRL", "at most 0.33 x"))
        studio.close()
    return figures


def _middle(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure of several runs."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def train_by_trl(home: str, task_id: str, precision: str, seed: int) -> dict[str, float]:
    """Train by TRL on the built-in base, and return its figures."""
    config = {"num_train_epochs": EPOCHS, "learning_rate": 2e-3, "logging_steps": 1, "use_cpu": True, "bf16": False}
    settings = {
        "folder": home,
        "task_id": task_id,
        "precision": precision,
        "rank": 8,
        "config": {**config, "seed": seed},
    }
    told = run_python("-m", "bench.bare_trl", json.dumps({**settings, "evaluate": True}))
    return {name: told[name] for name in ("first_loss_seconds", "examples_per_second", "validation_loss", "seconds")}


def train(studio: Studio, task_id: str, precision: str, goal: float = 0.0, **training: Any) -> dict[str, float]:
    """Train a run of EPOCHS epochs, unless told otherwise, and read its figures from its events.

    "seconds" are those of training, evaluations left out, until the validation loss was at most `goal`, or infinite.
    """
    options = {"epochs": EPOCHS, "batch_size": 8, "sample_every": 0, "save_every": 0, "learning_rate": 2e-3, **training}
    recipe = {"task_id": task_id, "precision": precision, "training": options}
    studio.estimate(recipe)
    studio.measure_device(recipe)
    time.sleep(8)  # a person reads the Method page; meanwhile the child that waits has imported its libraries
    clicked = time.time()
    run_id = studio.start_run(recipe)
    while (status := studio.run_status(run_id)).status in ACTIVE | {"queued"}:
        time.sleep(0.05)
    assert status.status == "finished", status
    events = [event for event in studio.run_events(run_id).events if event["event"] in ("metrics", "evaluated")]
    metrics = [event for event in events if event["event"] == "metrics"]
    prepared = next(event for event in studio.run_events(run_id).events if event["event"] == "prepared")
    evaluating, reached = 0.0, math.inf
    for before, event in zip(events, events[1:], strict=False):
        if event["event"] == "evaluated":
            evaluating += event["at"] - before["at"]
            if reached == math.inf and event["loss"] <= goal:
                reached = event["at"] - metrics[0]["at"] - evaluating
    seconds = metrics[-1]["at"] - metrics[0]["at"] - evaluating
    seconds_a_step = seconds / (len(metrics) - 1)
    return {
        "first_loss_seconds": metrics[0]["at"] - clicked,
        "examples_per_second": metrics[-1]["epoch"] * prepared["examples"] / len(metrics) / seconds_a_step,
        "validation_loss": [event["loss"] for event in events if event["event"] == "evaluated"][-1],
        "steps": len(metrics),
        "seconds": reached + seconds_a_step,  # the first step ended with the first loss
    }
