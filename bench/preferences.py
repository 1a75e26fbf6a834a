"""How fast preferences and rewards are learnt: against TRL's DPOTrainer and GRPOTrainer with the same settings.

The same base in 32 bits, rows, LoRA of rank 8 on all linear layers, batches, rates and steps. Of DPO all is counted
from the model being ready to the last step, the look at the start among it; of GRPO the tokens written a second.
One after the other on a quiet machine, once each: the ratio is far from the noise.
"""

import json
import statistics
import tempfile
import time
from typing import Any

from bench.figure import Figure, run_python
from bench.objectives import QUIET
from studio.launchers.process import ProcessLauncher
from studio.runs.status import ACTIVE
from studio.service import Studio
from studio.tasks.prompt import write_answer, write_prompt
from studio.tasks.split import split_task
from studio.workspace import Workspace

PAIRS = "studio009_pirate_pairs"
ROUNDS = 1
STEPS = {"dpo": 60, "grpo": 6}
GROUP, PROMPTS, LONGEST = 8, 8, 24
LORA = {"name": "lora", "rank": 8, "alpha": 16, "targets": "all-linear"}


def measure() -> list[Figure]:
    """Pairs a second of DPO, tokens a second of GRPO."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=ProcessLauncher()).open()
        try:
            rounds = [(train_by_trl(studio, what), train(studio, what)) for _ in range(ROUNDS) for what in STEPS]
        finally:
            studio.close()
    theirs, ours = ([statistics.median(found[place::2]) for place in (0, 1)] for found in zip(*rounds, strict=True))
    return [
        Figure("DPO speed", ours[0], "pairs/s", theirs[0], "TRL", "at least 2 x"),
        Figure("GRPO speed", ours[1], "tokens/s", theirs[1], "TRL", "at least 1 x"),
    ]


def train_by_trl(studio: Studio, what: str) -> float:
    """Train by TRL, and return pairs or tokens a second."""
    task = studio.load_task(PAIRS)
    rows = [
        {"prompt": write_prompt(task, one.input), "chosen": write_answer(one.output[0])}
        | {"rejected": write_answer(one.rejected)}
        for one in split_task(task).train
    ]
    config: dict[str, Any] = {"max_steps": STEPS[what], "learning_rate": 1e-4, "seed": 0}
    if what == "dpo":
        config |= {"per_device_train_batch_size": 16, "beta": 0.1, "max_length": 128}
    else:
        rows = [{"prompt": row["prompt"]} for row in rows]
        config |= {"per_device_train_batch_size": GROUP * PROMPTS, "num_generations": GROUP, "beta": 0.05}
        config |= {"max_completion_length": LONGEST}
    told = run_python(
        "-m", "bench.bare_preferences", json.dumps({"what": what, "rows": rows, "rank": 8, "config": config})
    )
    return (16 * STEPS[what] if what == "dpo" else told["tokens"]) / told["seconds"]


def train(studio: Studio, what: str) -> float:
    """Train a run, and return pairs or tokens a second."""
    objective: dict[str, Any] = {"name": what}
    if what == "grpo":
        rule = {"name": "length", "fewest": 1, "most": 8}
        objective |= {"rewards": [rule], "group": GROUP, "answer_tokens": LONGEST, "beta": 0.05}
    steps, batch = STEPS[what], 16 if what == "dpo" else PROMPTS
    training = {**QUIET, "max_steps": steps, "evaluate_every": 0, "batch_size": batch, "learning_rate": 1e-4}
    run = studio.start_run({"task_id": PAIRS, "objective": objective, "method": LORA, "training": training})
    while (status := studio.run_status(run)).status in ACTIVE | {"queued"}:
        time.sleep(0.05)
    assert status.status == "finished", status.error
    events = studio.run_events(run).events
    began = next(event["at"] for event in events if event["event"] == "counted")
    steps_told = [event for event in events if event["event"] == "metrics"]
    seconds = steps_told[-1]["at"] - began
    if what == "dpo":
        return batch * steps / seconds
    return sum(event["measures"]["length"] for event in steps_told) * GROUP * PROMPTS / seconds
