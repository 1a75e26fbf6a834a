"""What ways of merging are worth: two sample tasks learned apart, merged by every way, scored on both test sets.

Once as LoRA adapters and once as whole models, so that one sees where leaving changes out helps. Each line has its 95 %
interval; one pair of runs a kind, so what differs by less than an interval differs by chance.
"""

import tempfile
from typing import Any

from bench.figure import Figure
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.workspace import Workspace

TASKS = ("studio003_past_tense", "studio005_plural")
STEPS = 80
KINDS: dict[str, dict[str, Any]] = {
    "LoRA": {"method": {"name": "lora", "rank": 8}, "training": {}},
    "full": {"method": {"name": "full"}, "training": {}},
}
WAYS: dict[str, tuple[float, dict[str, Any]]] = {
    "sum of 1 and 1": (1.0, {"way": "task_arithmetic"}),
    "sum of 0.7 and 0.7": (0.7, {"way": "task_arithmetic"}),
    "average": (1.0, {"way": "linear"}),
    "TIES, density 0.2": (1.0, {"way": "ties", "density": 0.2}),
    "TIES, density 0.5": (1.0, {"way": "ties", "density": 0.5}),
    "DARE, density 0.5, 0.7 and 0.7": (0.7, {"way": "dare", "density": 0.5}),
    "DARE with TIES, density 0.5": (1.0, {"way": "dare_ties", "density": 0.5}),
    "largest fifth, 0.7 and 0.7": (0.7, {"way": "magnitude", "density": 0.2}),
    "SLERP": (0.5, {"way": "slerp"}),
    "sum of 2 and 2": (2.0, {"way": "task_arithmetic"}),
}


def measure() -> list[Figure]:
    """Train, merge and score."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=InlineLauncher())
        return [figure for kind in KINDS for figure in _measure_kind(studio, kind)]


def _measure_kind(studio: Studio, kind: str) -> list[Figure]:
    parents = [f"run:{train(studio, task, kind)}@{STEPS}" for task in TASKS]
    figures = [
        figure
        for title, parent in zip(("first alone", "second alone"), parents, strict=True)
        for figure in _score(studio, f"{kind}, {title}", parent)
    ]
    for title, (weight, way) in WAYS.items():
        order = {**way, "parents": [{"model": parent, "weight": weight} for parent in parents]}
        figures += _score(studio, f"{kind}, {title}", studio.merges.merge(order).address)
    return figures


def train(studio: Studio, task: str, kind: str) -> str:
    """Train one of the KINDS on a task and return the run."""
    recipe = KINDS[kind]
    training = {"max_steps": STEPS, "batch_size": 16, "measures_itself": False, "sample_every": 0, "evaluate_every": 0}
    run = studio.start_run({"task_id": task, **recipe, "training": {**training, **recipe["training"]}})
    studio.scheduler.start_next()
    return run


def _score(studio: Studio, title: str, model: str) -> list[Figure]:
    figures = []
    for task in TASKS:
        value = studio.evidence.score([model], task).values[0]
        bounds = f"{value.low:.0f} to {value.high:.0f}, n = {value.n}"
        figures.append(Figure(f"{title}: {task.partition('_')[2]} ({bounds})", value.value, "%"))
    return figures
