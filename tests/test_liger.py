"""Liger's own kernels, computed by Triton's interpreter: a run's trial takes them, and they give the same gradients.

The interpreter works on a processor, in a process that is told so before Triton is loaded; it can't multiply in bf16,
so 16 bits are fp16 here. Only where liger-kernel is installed, as `make long` does on Linux.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WIDTHS = ("float32", "float16")
"""What a base is held in; what is computed beside it is always in 16 bits."""


@pytest.mark.long
@pytest.mark.parametrize("checkpoints", [False, True])
@pytest.mark.parametrize("held", WIDTHS)
def test_a_trial_takes_ligers_kernels_and_gradients_stay(held: str, checkpoints: bool, tmp_path: Path) -> None:
    pytest.importorskip("liger_kernel")
    pytest.importorskip("triton")
    told = _interpret(held, checkpoints, tmp_path)
    assert told["used"], told["why"]
    assert told["parts"] == 3 * told["layers"] + 1, "two norms and a gated part in each layer; and the last norm"
    assert told["loss"] == pytest.approx(told["plain_loss"], rel=2e-3)
    assert 0 < told["distance"] <= 1.5 * told["rounding"] + 1e-3, "no farther from the truth than the plain ones"


def _interpret(held: str, checkpoints: bool, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", f"import test_liger; test_liger.compare({held!r}, {checkpoints}, {str(folder)!r})"],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(held: str, checkpoints: bool, folder: str) -> None:
    """Print what a trial says of the kernels, and how far loss and gradients are from those of 32 bits."""
    import torch
    from architectures import make_model
    from test_batch import BEGINNING, make_rows, take_gradients
    from tiny import sum_loss
    from transformers import AutoModelForCausalLM

    from studio.methods import METHODS
    from studio.objectives.objective import Row
    from studio.training.batch import Batcher
    from studio.training.fast.checkpointing import checkpoint_layers
    from studio.training.fast.kernels import leave_kernels
    from studio.training.trial import KERNELS, Trial

    _let_it_interpret()
    torch.set_num_threads(1)
    half = torch.float16
    base = AutoModelForCausalLM.from_pretrained(make_model("llama", Path(folder)), dtype=getattr(torch, held))
    model = METHODS.read({"name": "lora", "rank": 4}).attach(base.requires_grad_(False))
    dice = torch.Generator().manual_seed(0)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data = 0.02 * torch.randn(value.shape, generator=dice)
    if checkpoints:
        checkpoint_layers(model)
    rows, batcher = make_rows(BEGINNING), Batcher(0)
    trial = Trial(model, batcher, [Row(**row) for row in rows], half, on_card=True)
    found = {one.way: one for one in trial.choose(shares=False)}[KERNELS]
    parts = sum(type(vars(part).get("forward")).__name__ in ("_Norm", "_Gated") for part in model.modules())

    def measure(narrow: bool = True) -> tuple[float, dict[str, Any]]:
        with torch.autocast("cpu", dtype=half, enabled=narrow):
            total = sum_loss(model.train(), batcher(rows)).total
        total.backward()
        return float(total.detach()), take_gradients(model)

    loss, kernels = measure()
    leave_kernels(model)
    plain_loss, plain = measure()
    _, truth = (model.float(), measure(narrow=False))[1]
    told = {"used": found.used, "why": found.why, "parts": parts, "layers": model.config.num_hidden_layers}
    told |= {"loss": loss, "plain_loss": plain_loss}
    print(json.dumps(told | {"distance": _measure(kernels, truth), "rounding": _measure(plain, truth)}))


def _measure(found: dict[str, Any], truth: dict[str, Any]) -> float:
    """How far gradients are from others, relative to them."""
    wrong = sum(float((found[name].float() - truth[name].float()).norm()) ** 2 for name in truth)
    return float((wrong / sum(float(value.float().norm()) ** 2 for value in truth.values())) ** 0.5)


def _let_it_interpret() -> None:
    """Give Triton's interpreter what it lacks for these kernels: a number that is a scalar, and a root of CUDA's."""
    from importlib import import_module

    import numpy
    import triton.language as tl
    from triton.runtime import interpreter

    plain = interpreter._implicit_cvt

    def convert(value: Any) -> Any:
        if not isinstance(value, float):
            return plain(value)
        return tl.tensor(interpreter.TensorHandle(numpy.array([value], dtype=numpy.float32), tl.float32), tl.float32)

    interpreter._implicit_cvt = convert
    setattr(import_module("liger_kernel.ops.rms_norm"), "rsqrt", lambda value: tl.rsqrt(value))  # noqa: B010
