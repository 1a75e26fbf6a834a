"""Record what two of the page's pictures are drawn from: `python -m bench.pictures` writes `assets/pictures/`.

A weight change of the built-in base, fully fine-tuned on a sample, taken apart by its singular values; and how that
sample is learned by LoRA at three learning rates. Trains four times, about three minutes on two cores.
"""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from studio.launchers.inline import InlineLauncher
from studio.models.reference import BUILTIN_FOLDER
from studio.runs.event import Evaluated, Metrics
from studio.service import Studio
from studio.workspace import Workspace

FOLDER = Path(__file__).parents[1] / "assets" / "pictures"
TASK = "studio002_question"
TENSOR = "model.layers.2.mlp.up_proj.weight"
MOST_RANK = 64
ROWS, COLUMNS = 88, 64
"""How much of the matrix is drawn: every eighth row, every fourth column."""
FACTORS = (0.1, 1.0, 10.0)
"""Of the usual learning rate."""


def main() -> None:
    """Train, take apart, write."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=InlineLauncher())
        write("change", describe_change(find_change(studio)))
        write("rates", describe_rates(studio))


def write(name: str, value: dict[str, Any]) -> None:
    """Write one picture's numbers."""
    (FOLDER / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n", encoding="utf-8")


def train(studio: Studio, **recipe: Any) -> str:
    """Train the sample, and return the run."""
    run = studio.start_run({"task_id": TASK, **recipe})
    studio.scheduler.start_next()
    return run


def find_change(studio: Studio) -> np.ndarray:
    """Return what a full fine-tuning adds to the tensor."""
    quiet = {"measures_itself": False, "sample_every": 0, "evaluate_every": 0}
    run = train(studio, method={"name": "full"}, training={"preset": "one_minute", **quiet})
    last = studio.run_status(run).checkpoints[-1]
    folder = studio.workspace.runs / run / "checkpoints" / f"step-{last}"
    after, before = load_file(folder / "model.safetensors"), load_file(BUILTIN_FOLDER / "model.safetensors")
    return (after[TENSOR].float() - before[TENSOR].float()).numpy().astype(np.float64)


def describe_change(change: np.ndarray) -> dict[str, Any]:
    """Return what share of a change its best copy of each rank keeps, and of a part of it the whole and the factors.

    The best copy of rank r is the sum of the first r of `factors`, each a size times a column times a row (Eckart and
    Young 1936); all is in parts of the largest number drawn, in codes of -127 to 127.
    """
    left, sizes, right = np.linalg.svd(change, full_matrices=False)
    rows, columns = change.shape[0] // ROWS, change.shape[1] // COLUMNS
    part = change[::rows, ::columns]
    largest = float(np.abs(part).max())
    factors = []
    for size, column, row in zip(sizes[:MOST_RANK], left.T[:, ::rows], right[:, ::columns], strict=False):
        tall, wide = float(np.abs(column).max()), float(np.abs(row).max())
        factors.append([round(float(size) * tall * wide / largest, 6), pack(column / tall), pack(row / wide)])
    return {
        "tensor": TENSOR,
        "task_id": TASK,
        "shape": list(change.shape),
        "drawn": [ROWS, COLUMNS],
        "kept": [round(float(share), 4) for share in (np.cumsum(sizes**2) / np.sum(sizes**2))[:MOST_RANK]],
        "whole": pack(part / largest),
        "factors": factors,
    }


def pack(values: np.ndarray) -> str:
    """Return numbers of -1 to 1 as a text, a byte each."""
    return base64.b64encode(np.round(values * 127).astype(np.int8).tobytes()).decode()


def describe_rates(studio: Studio) -> dict[str, Any]:
    """Return the curves of LoRA at three learning rates: training loss of each step, validation loss now and then."""
    usual = studio.read_recipe({"task_id": TASK}).plan(studio.describe_model("builtin").parameters, 0).learning_rate
    curves = []
    for factor in FACTORS:
        rate = float(f"{usual * factor:.2g}")
        run = train(studio, training={"preset": "quick", "learning_rate": rate, "measures_itself": False})
        events, _ = studio.read_events(run, 0)
        told = [(event.step, round(event.loss, 3)) for event in events if isinstance(event, Metrics)]
        looked = [(event.step, round(event.loss, 3)) for event in events if isinstance(event, Evaluated)]
        curves.append(
            {"rate": rate, "train": list(zip(*told, strict=True)), "validation": list(zip(*looked, strict=True))}
        )
    return {"task_id": TASK, "model": "builtin", "method": "lora", "curves": curves}


if __name__ == "__main__":
    main()
