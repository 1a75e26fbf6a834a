"""The studio's training of a model of real size on a processor, against TRL's SFTTrainer, as it is and tuned by hand.

A Llama of 135 million random weights learns rows of 150 tokens by LoRA of rank 16 on a bf16 base, in batches of four.
TRL's defaults compute the layers twice (gradient checkpointing); tuned by hand they don't, nor, on a processor without
products of 16 bits, do they hold the base in 16. Each side is a fresh process of a few steps; of ours the first five
warm up (it decides there how many cores to take), of TRL's one. Sides take turns, and of each its best round counts,
for whatever else runs here slows single rounds down. Meanwhile a studio serves its page, and how soon it answers is
measured.
"""

import json
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.figure import Figure, run_python, serve
from bench.memory import make_model, write_recipe
from studio.models.device import multiplies_16_bits
from studio.service import Studio
from studio.workspace import Workspace

SHAPE = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
}
"""SmolLM2-135M's."""
BATCH, LENGTH, RANK, RATE = 4, 150, 16, 2e-4
STEPS, WARM, ROUNDS = 9, 5, 2
PAUSE_SECONDS = 0.25


class Side(NamedTuple):
    """TRL in one of its ways: what it is called, how its base is held, its settings, and how many steps it makes."""

    name: str
    precision: str
    config: dict[str, Any]
    steps: int = STEPS


BY_HAND = {"gradient_checkpointing": False}
SIDES = (
    (Side("TRL's defaults", "bf16", {}), Side("TRL tuned by hand", "bf16", BY_HAND))
    if multiplies_16_bits()
    else (
        Side("TRL's defaults", "bf16", {}, steps=2),  # a minute or two each
        Side("TRL tuned by hand, in 32 bits", "fp32", {**BY_HAND, "bf16": False}),
    )
)


def measure() -> list[Figure]:
    """Examples a second and losses of each side, and the 95th percentile of the page's answers while ours trains."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(Path(home) / "studio"))
        model = make_model(Path(home) / "model", SHAPE)
        cell = {"method": {"name": "lora", "rank": RANK}, "precision": "bf16", "batch": BATCH, "length": LENGTH}
        recipe = write_recipe(studio, model, {**cell, "training": {"max_steps": STEPS, "learning_rate": RATE}})
        ours: list[dict[str, Any]] = []
        theirs: dict[str, list[dict[str, Any]]] = {side.name: [] for side in SIDES}
        waits: list[float] = []
        for _ in range(ROUNDS):
            for side in SIDES:
                if side.steps == STEPS or not theirs[side.name]:
                    theirs[side.name].append(run_python("-m", "bench.bare_trl", write_settings(studio, model, side)))
            with serve(str(Path(home) / "served")) as (address, _), watch_page(address, waits):
                ours.append(run_python("-m", "bench.peak", str(studio.workspace.folder), json.dumps(recipe)))
        studio.close()
    title = f"135M, bf16, LoRA rank {RANK}, {BATCH} x {LENGTH}"
    speed = max(find_speed(told, WARM) for told in ours)
    figures = []
    for side in SIDES:
        other = max(find_speed(told, WARM if side.steps == STEPS else 1) for told in theirs[side.name])
        goal = "at least 1.5 x" if "by hand" in side.name else ""
        figures.append(Figure(f"training speed, {title}", speed, "examples/s", other, side.name, goal))
    for side in SIDES:
        loss = statistics.mean(theirs[side.name][0]["losses"])
        own = statistics.mean(ours[0]["losses"][: side.steps])
        figures.append(Figure(f"loss of {side.steps} steps, {title}", own, "nats", loss, side.name))
    late = 1000 * statistics.quantiles(waits, n=20)[-1]
    return [*figures, Figure(f"the page answers meanwhile, 95th percentile of {len(waits)}", late, "ms", target="300")]


def write_settings(studio: Studio, model: Path, side: Side) -> str:
    """Return what `bench.bare_trl` wants to know."""
    given = {"max_steps": side.steps, "learning_rate": RATE, "per_device_train_batch_size": BATCH, "logging_steps": 1}
    return json.dumps(
        {
            "folder": str(studio.workspace.folder),
            "task_id": f"rows_{LENGTH}",
            "model": str(model),
            "precision": side.precision,
            "rank": RANK,
            "config": {**given, "use_cpu": True, **side.config},
        }
    )


def find_speed(told: dict[str, Any], warm: int) -> float:
    """Return the examples a second of one round, by the median of the steps after the first few."""
    moments = told["moments"][warm - 1 :]
    return BATCH / statistics.median(after - before for before, after in zip(moments, moments[1:], strict=False))


@contextmanager
def watch_page(address: str, waits: list[float]) -> Iterator[None]:
    """Ask for the page now and then, and note how long each answer took, in seconds."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(PAUSE_SECONDS):
            began = time.perf_counter()
            with urllib.request.urlopen(address, timeout=60) as answer:
                answer.read()
            waits.append(time.perf_counter() - began)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
