"""Where the time of a training step goes: twenty steps of the built-in base, each operation by what it is for.

The recipe of bench.training in batches of 8, in this process (`python -m bench.profile PRECISION` prints JSON). The
profiler itself makes small operations look a little larger than they are. How fast the frozen layers are multiplied
is beside one large product, which is as fast as the core can.
"""

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from bench.figure import Figure, run_python
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.training import session
from studio.training.fast.fused_lora import WIDEST_RANK
from studio.workspace import Workspace

FROM_STEP, TO_STEP = 10, 30
LARGE = 1024
FROZEN, PAIRS, ATTENTION, HEAD, ELSE = PARTS = (
    "products with the frozen layers",
    "products with LoRA's pairs",
    "attention",
    "output head and loss",
    "all else",
)
_PRODUCTS = {"aten::mm": 0, "aten::addmm": 1, "aten::addmm_": 1}
"""Operations that multiply two matrices, and where those are among what they are given."""
_LOSS = ("aten::_log_softmax", "aten::nll_loss")
_ATTENTION = ("aten::bmm", "aten::_softmax", "_Attention")


def measure() -> list[Figure]:
    """Share of each part, and the speed of the products, for bf16 and nf4."""
    figures = []
    for precision in ("bf16", "nf4"):
        told = run_python("-m", "bench.profile", precision)
        figures += [Figure(f"of a step's time, {precision}: {part}", told["shares"][part], "%") for part in PARTS]
        figures += [
            Figure(f"operations a step, {precision}", told["operations"], ""),
            Figure(f"speed of {FROZEN}, {precision}", told["speed"], "GFLOP/s", told["best"], "one large product"),
        ]
    return figures


def find_part(name: str, shapes: Sequence[Sequence[int]], vocabulary: int) -> str:
    """Return what an operation is for, from its name and the shapes of what it was given."""
    if name in _PRODUCTS:
        sizes = [size for shape in shapes[_PRODUCTS[name] :][:2] for size in shape]
        return HEAD if vocabulary in sizes else PAIRS if min(sizes) <= WIDEST_RANK else FROZEN
    if name.startswith(_LOSS):
        return HEAD
    return ATTENTION if name.startswith(_ATTENTION) else ELSE


def profile(precision: str, home: str) -> dict[str, Any]:
    """Train in this process and return shares in percent, operations a step, and speeds in GFLOP/s."""
    profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True)

    class Profiled(session.StudioTrainer):
        """Has its profiler look from one step to another."""

        def training_step(self, model: Any, *given: Any, **options: Any) -> Any:
            if self.state.global_step == FROM_STEP:
                profiler.start()
            if self.state.global_step == TO_STEP:
                profiler.stop()
                vocabulary.append(model.config.vocab_size)
            return super().training_step(model, *given, **options)

    vocabulary: list[int] = []
    session.StudioTrainer = Profiled
    studio = Studio(Workspace(home), launcher=InlineLauncher())
    task_id = next(card.task_id for card in studio.list_tasks() if "question" in card.task_id)
    never = dict.fromkeys(("sample_every", "save_every", "evaluate_every"), 0)
    training = {"max_steps": TO_STEP + 1, "batch_size": 8, "learning_rate": 2e-3, **never}
    run_id = studio.start_run({"task_id": task_id, "precision": precision, "training": training})
    studio.scheduler.start_next()
    status = studio.run_status(run_id)
    assert status.status == "finished", status

    times, operations, flops = Counter[str](), 0, 0
    for event in profiler.key_averages(group_by_input_shape=True):
        part = find_part(event.key, event.input_shapes, vocabulary[0])
        times[part] += event.self_cpu_time_total
        operations += event.count
        if part == FROZEN:
            (rows, inner), (_, columns) = event.input_shapes[_PRODUCTS[event.key] :][:2]
            flops += 2 * rows * inner * columns * event.count
    return {
        "shares": {part: 100 * times[part] / times.total() for part in PARTS},
        "operations": operations / (TO_STEP - FROM_STEP),
        "speed": flops / times[FROZEN] / 1e3,
        "best": measure_best(),
    }


def measure_best() -> float:
    """Return the GFLOP/s of one large product in bf16."""
    left, right = (torch.randn(LARGE, LARGE).bfloat16() for _ in range(2))
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - began)
    return 2 * LARGE**3 / statistics.median(seconds) / 1e9


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(profile(sys.argv[1], place)))
