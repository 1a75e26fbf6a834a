"""What the second chat column costs: base and tuned answering together against the tuned side alone."""

import tempfile
import time

import torch

from bench.figure import Figure, median_of
from studio.answering.pair import Pair
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.objectives.objective import encode_asked
from studio.runs.run import find_run
from studio.service import Studio
from studio.workspace import Workspace

TOKENS = 32


def measure() -> list[Figure]:
    """Seconds for 32 tokens, both sides in one batch against one side alone, on the built-in base."""
    figures = []
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=InlineLauncher())
        task_id = studio.list_tasks()[0].task_id
        for precision in ("fp32", "bf16", "nf4"):
            run_id = studio.start_run({"task_id": task_id, "precision": precision, "training": {"max_steps": 5}})
            studio.scheduler.start_next()
            recipe = find_run(studio.workspace, run_id).load_recipe()
            pair = Pair(recipe, find_device())
            pair.use(find_run(studio.workspace, run_id), recipe, None)
            asked = studio.test_set(run_id)[0]
            prompt = encode_asked(recipe.objective, studio.load_task(task_id), asked, pair.tokenizer)
            both = median_of(5, lambda pair=pair, prompt=prompt: _time_both(pair, prompt))
            alone = median_of(5, lambda pair=pair, prompt=prompt: _time_alone(pair, prompt))
            figures.append(
                Figure(f"two columns, {precision}", both, "s", alone, "the tuned one alone", "at most 1.2 x")
            )
            first = median_of(5, lambda pair=pair, prompt=prompt: _time_first(pair, prompt))
            figures.append(Figure(f"first token, {precision}", 1000 * first, "ms", target="within 300 ms"))
    return figures


def _time_both(pair: Pair, prompt: list[int]) -> float:
    began = time.perf_counter()
    for _ in zip(range(TOKENS), pair.write(prompt, TOKENS, 0.0, 0, ends=frozenset()), strict=False):
        pass
    return time.perf_counter() - began


def _time_first(pair: Pair, prompt: list[int]) -> float:
    began = time.perf_counter()
    next(pair.write(prompt, TOKENS, 0.0, 0))
    return time.perf_counter() - began


def _time_alone(pair: Pair, prompt: list[int]) -> float:
    ids = torch.tensor([prompt])
    began = time.perf_counter()
    cache = None
    with torch.inference_mode():
        for _ in range(TOKENS):
            out = pair.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache, ids = out.past_key_values, out.logits[:, -1].argmax(-1, keepdim=True)
    return time.perf_counter() - began
