"""What contrastive training comes to on the built-in encoder, as it is set when nothing is: what is found, of test.

Of each text of the test part the other of its pair is looked for among all of them, by its direction alone: by the
encoder as it is, and by what a run made of it. Means of three splits and shuffles; the rate was chosen on others.
"""

import tempfile
from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

import numpy as np

from bench.figure import Figure
from studio.answering.column import make_column
from studio.answering.columns import Columns
from studio.answering.embedding import embed
from studio.checkpoints.address import resolve
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.reference import ENCODER, ModelRef
from studio.objectives.choices import make_unit
from studio.objectives.contrastive import find_pair
from studio.objectives.embedding import encode_text
from studio.recipes.recipe import Recipe
from studio.service import Studio
from studio.tasks.split import split_task
from studio.tasks.task import Instance, Task
from studio.workspace import Workspace

TASKS = {"studio007_pirate": "pirate", "studio006_opposite": "opposite", "studio008_laws": "running text"}
SEEDS = (10, 11, 12)
"""Those on which nothing was chosen."""


class Found(NamedTuple):
    """How often the right one is the first, and among the first five (%), and the mean of 1 / its place."""

    first: float
    five: float
    reciprocal: float


def measure() -> list[Figure]:
    """Train each task with each seed, and look for pairs before and after."""
    return [figure for task, name in TASKS.items() for figure in _try_task(task, name)]


def _try_task(task: str, name: str) -> list[Figure]:
    tried = [try_seed(task, seed) for seed in SEEDS]
    before, after = (Found(*map(mean, zip(*side, strict=True))) for side in zip(*tried, strict=True))
    return [
        Figure(f"contrastive, {name}: found first", after.first, "%", before.first, "frozen encoder"),
        Figure(f"contrastive, {name}: among the first five", after.five, "%", before.five, "frozen encoder"),
        Figure(f"contrastive, {name}: mean reciprocal rank", after.reciprocal, "", before.reciprocal, "frozen encoder"),
    ]


def try_seed(task: str, seed: int) -> tuple[Found, Found]:
    """Return what is found of the test part before a run with the usual settings, and after it."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=InlineLauncher())
        training = {"seed": seed, "measures_itself": False, "sample_every": 0, "save_every": 0, "evaluate_every": 0}
        run = studio.start_run(
            {"model": ENCODER, "task_id": task, "objective": {"name": "contrastive"}, "training": training}
        )
        studio.scheduler.start_next()
        if studio.run_status(run).status != "finished":
            raise SystemExit(f"{task}: {studio.run_status(run).error}")
        recipe, loaded = studio.find_run(run).load_recipe(), studio.load_task(task)
        asked = split_task(loaded, seed).test
        before, after = (find_pairs(studio, model, recipe, loaded, asked) for model in (ENCODER, f"run:{run}"))
        return before, after


def find_pairs(studio: Studio, model: str, recipe: Recipe, task: Task, asked: Sequence[Instance]) -> Found:
    """Return how well a model finds the other of each pair."""
    columns = Columns(find_device())
    columns.arrange([make_column(resolve(studio.workspace, ModelRef(ref=model)), recipe)])
    pairs, tokenizer = [pair for one in asked if (pair := find_pair(task, one))], columns.find_tokenizer(0)
    with columns.enter(0) as net:
        sides = [
            make_unit(embed(net, [encode_text(text, tokenizer) for text in side])) for side in zip(*pairs, strict=True)
        ]
    near = sides[0] @ sides[1].T
    places = (near > near.diagonal()[:, None]).sum(axis=1) + 1
    return Found(100 * float(np.mean(places == 1)), 100 * float(np.mean(places <= 5)), float(np.mean(1 / places)))
