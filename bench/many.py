"""Whether TIES helps where it is said to: four tasks learned apart, each by full tuning, merged into one model.

The mean over the four test sets counts, beside that of the average; each way's scale was fixed before it was measured.
"""

import statistics
import tempfile

from bench.figure import Figure
from bench.merging import STEPS, train
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.workspace import Workspace

TASKS = ("studio002_question", "studio003_past_tense", "studio005_plural", "studio007_pirate")
WAYS = {
    "average": {"way": "linear"},
    "sum of 0.4 each": {"way": "task_arithmetic"},
    "TIES, density 0.2": {"way": "ties", "density": 0.2},
    "TIES, density 0.5": {"way": "ties", "density": 0.5},
    "DARE with TIES, density 0.5": {"way": "dare_ties", "density": 0.5},
}
SCALES = {"sum of 0.4 each": 0.4}


def measure() -> list[Figure]:
    """Train, merge and score."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=InlineLauncher())
        parents = [f"run:{train(studio, task, 'full')}@{STEPS}" for task in TASKS]
        found = {"each alone, on its own task": [score(studio, *pair) for pair in zip(parents, TASKS, strict=True)]}
        for title, way in WAYS.items():
            given = [{"model": parent, "weight": SCALES.get(title, 1.0)} for parent in parents]
            merged = studio.merges.merge({**way, "parents": given}).address
            found[title] = [score(studio, merged, task) for task in TASKS]
    usual = statistics.mean(found["average"])
    return [
        Figure(
            f"four fully tuned models: {title} ({', '.join(f'{value:.0f}' for value in values)})",
            statistics.mean(values), "%", *((usual, "average") if title in WAYS and title != "average" else ()),
        )
        for title, values in found.items()
    ]  # fmt: skip


def score(studio: Studio, model: str, task: str) -> float:
    """Return the share of right answers on a task's test set."""
    return studio.evidence.score([model], task).values[0].value
