"""What base and tuned score on each sample task: `python -m bench.samples` trains them all and writes the
figures.

The figures in assets/tasks/scores.json are those of a real run each, with the standard preset, and name the base and
the task they were measured with, so that a test can tell when they went stale.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from studio.__main__ import follow_run
from studio.answering.pair import Pair
from studio.evidence.room import find_room
from studio.evidence.score import score_answers
from studio.interruption import Interruption
from studio.models.device import find_device
from studio.models.reference import BUILTIN_FOLDER
from studio.objectives.objective import encode_asked
from studio.service import Studio
from studio.tasks.split import split_task
from studio.workspace import Workspace, write_whole
from studio.world.samples.__main__ import ALL

STANDARD = {"training": {"preset": "one_minute"}}
"""What the figures are of: the preset of a first visit is shorter, and is for looking."""
SHOWN = 2
"""So many worked examples are put into the prompt of a base that wasn't tuned: can it be told instead of taught?"""
SCORES_FILE = Path(__file__).resolve().parents[1] / "assets" / "tasks" / "scores.json"


def measure_sample(studio: Studio, task_id: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """Train one sample task and return its figures: exact match in percent, of the test set and on unseen words."""
    with Interruption("SIGINT") as interruption:
        run_id = studio.start_run({**recipe, "task_id": task_id})
        failed = follow_run(studio, run_id, interruption)
    if failed:
        raise SystemExit(f"The run of {task_id} failed.")
    status = studio.run_status(run_id)
    test, unseen = studio.score(run_id), studio.score(run_id, unseen=True)
    return (
        {
            "prompted": measure_prompted(studio, task_id),
        }
        | {
            side: {"test": getattr(test, side).exact_match, "unseen": getattr(unseen, side).exact_match}
            for side in ("base", "tuned")
        }
        | {
            "seconds": status.elapsed_seconds,
            "steps": status.step,
            "recipe": recipe,
            "task_version": studio.load_task(task_id).version,
            "base_weights": fingerprint_base(),
        }
    )


def measure_prompted(studio: Studio, task_id: str) -> dict[str, float]:
    """Return how many answers of the test set the base has exactly right, in percent, with examples in its prompt."""
    recipe = studio.read_recipe({"task_id": task_id, "objective": {"name": "sft", "positive_examples": SHOWN}})
    task = studio.load_task(task_id)
    test = list(split_task(task, recipe.training.seed).test)
    pair = Pair(recipe, find_device())
    prompts = [encode_asked(recipe.objective, task, instance, pair.tokenizer) for instance in test]
    answers = pair.answer_many(prompts, find_room(test, pair.tokenizer, pair.context), tuned=False)
    return {"examples": SHOWN, "test": score_answers(answers, test).exact_match}


def fingerprint_base() -> str:
    """Return the first 12 hexadecimal digits of the built-in weights' SHA-256."""
    return hashlib.sha256((BUILTIN_FOLDER / "model.safetensors").read_bytes()).hexdigest()[:12]


def main() -> int:
    """Measure all sample tasks, or those named, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("task_ids", nargs="*")
    parser.add_argument("--recipe", default=json.dumps(STANDARD), help="JSON of a recipe without a task")
    parser.add_argument("--show", action="store_true", help="print the figures, write nothing")
    given = parser.parse_args()
    scores = json.loads(SCORES_FILE.read_text()) if SCORES_FILE.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Workspace(folder)).open()
        samples = [sample.task_id for sample in ALL]
        scores = {task_id: scores[task_id] for task_id in samples if task_id in scores}
        for task_id in given.task_ids or samples:
            scores[task_id] = measure_sample(studio, task_id, json.loads(given.recipe))
            print(
                task_id, json.dumps({side: scores[task_id][side] for side in ("base", "tuned", "seconds")}), flush=True
            )
            if not given.show:
                write_whole(SCORES_FILE, json.dumps(scores, indent=2, sort_keys=True) + "\n")
        studio.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
