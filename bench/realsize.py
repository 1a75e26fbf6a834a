"""The studio's training of a model of real size on a processor, against TRL's SFTTrainer, as it is and tuned by hand.

A Llama of 135 million random weights learns rows of 150 tokens by LoRA of rank 16 on a bf16 base, in batches of four.
TRL's defaults compute the layers twice (gradient checkpointing); tuned by hand they don't. Each side is a fresh process
of a few steps, of which the first five warm up (ours decides there how many cores to take). Sides take turns, and of
each its best round counts, for whatever else runs here slows single rounds down. Meanwhile a studio serves its page,
and how soon it answers is measured.
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
from typing import Any

from bench.figure import Figure, run_python, serve
from bench.memory import make_model, write_recipe
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
TRL: dict[str, dict[str, Any]] = {"TRL's defaults": {}, "TRL tuned by hand": {"gradient_checkpointing": False}}


def measure() -> list[Figure]:
    """Examples a second and losses of each side, and the 95th percentile of the page's answers while ours trains."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(Path(home) / "studio"))
        model = make_model(Path(home) / "model", SHAPE)
        cell = {"method": {"name": "lora", "rank": RANK}, "precision": "bf16", "batch": BATCH, "length": LENGTH}
        recipe = write_recipe(studio, model, {**cell, "training": {"max_steps": STEPS, "learning_rate": RATE}})
        told: dict[str, list[dict[str, Any]]] = {}
        waits: list[float] = []
        for _ in range(ROUNDS):
            for name, config in TRL.items():
                told.setdefault(name, []).append(
                    run_python("-m", "bench.bare_trl", write_settings(studio, model, config))
                )
            with serve(str(Path(home) / "served")) as (address, _), watch_page(address, waits):
                ours = run_python("-m", "bench.peak", str(studio.workspace.folder), json.dumps(recipe))
                told.setdefault("ours", []).append(ours)
        studio.close()
    speed = {name: max(map(find_speed, rounds)) for name, rounds in told.items()}
    loss = {name: statistics.mean(rounds[0]["losses"]) for name, rounds in told.items()}
    title = f"135M, bf16, LoRA rank {RANK}, {BATCH} x {LENGTH}"
    goals = {"TRL's defaults": "", "TRL tuned by hand": "at least 1.5 x"}
    figures = [
        Figure(f"training speed, {title}", speed["ours"], "examples/s", speed[name], name, goal)
        for name, goal in goals.items()
    ]
    figures += [Figure(f"loss of {STEPS} steps, {title}", loss["ours"], "nats", loss[name], name) for name in TRL]
    late = 1000 * statistics.quantiles(waits, n=20)[-1]
    return [*figures, Figure(f"the page answers meanwhile, 95th percentile of {len(waits)}", late, "ms", target="300")]


def write_settings(studio: Studio, model: Path, config: dict[str, Any]) -> str:
    """Return what `bench.bare_trl` wants to know."""
    given = {"max_steps": STEPS, "learning_rate": RATE, "per_device_train_batch_size": BATCH, "logging_steps": 1}
    return json.dumps(
        {
            "folder": str(studio.workspace.folder),
            "task_id": f"rows_{LENGTH}",
            "model": str(model),
            "precision": "bf16",
            "rank": RANK,
            "config": {**given, "use_cpu": True, **config},
        }
    )


def find_speed(told: dict[str, Any]) -> float:
    """Return the examples a second of one round, by the median of the steps after the first few."""
    moments = told["moments"][WARM - 1 :]
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
