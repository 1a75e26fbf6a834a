"""Times a layer of a model's real width at its precision on this very device, before any run has measured it.

A small decoder would tell how soon a graphics card begins a product, not how fast it makes one: on a card a layer of
4,096 reaches a hundred times as many operations a second as one of 256. The layer is a Llama's with as many weights as
the model's own; small ones are timed several at once. It is stored and read as a run's base is.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from studio.errors import DeviceError
from studio.estimates.time import GUESSED_START_SECONDS, Speed, StepKind, count_operations, load_speed, save_speed
from studio.methods.lora import Lora
from studio.models.device import DeviceFacts
from studio.models.libraries import import_libraries
from studio.models.loading import leave_a_core, load_base, return_memory
from studio.precisions import PRECISIONS

WORDS = 1024
"""The vocabulary of what is timed: its head is next to nothing."""
ENOUGH_WEIGHTS = 20_000_000
"""Of small layers so many weights are timed at once."""
MOST_WEIGHTS, MOST_WIDTH = 300_000_000, 8192
"""Of a larger layer a part is timed: it is made in this computer's memory first, and a card is full by then."""
ROW = 32
LONG_ROW = 1024
"""Tokens of a row on a processor, and on a card, which has to be filled."""
MOST_OPERATIONS = 2e11
"""Of one lap on a processor: one or two seconds."""
LAPS = 7
PATIENCE_SECONDS = 180


def measure_speed(cache: Path, device: DeviceFacts, kind: StepKind) -> Speed:
    """Return how fast such steps are made here, keeping it in `cache`. Raises DeviceError where a card breaks down.

    On a graphics card it is timed in a process of its own, for only its end gives back all that it took there.
    """
    if device.kind == "cpu":
        return time_layers(cache, device, kind)
    given = json.dumps([str(cache), device.model_dump(), list(kind)])
    try:
        subprocess.run(
            [sys.executable, "-m", __name__, given],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise DeviceError(f"How fast {device.name} trains could not be measured: {said[-1][:200]}") from None
    speed = load_speed(cache, device, kind)
    if speed is None:
        raise DeviceError(f"How fast {device.name} trains could not be kept in {cache}. Look at its disk.")
    return speed


def time_layers(cache: Path, device: DeviceFacts, kind: StepKind) -> Speed:
    """Time a few training steps of LoRA on such layers in this process; keep and return the speed."""
    import_libraries()
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    leave_a_core(device)  # as the training will
    precision = PRECISIONS.read(kind.precision)
    with tempfile.TemporaryDirectory() as folder:
        dtype = torch.float32 if kind.precision == "fp32" else torch.bfloat16
        LlamaForCausalLM(LlamaConfig(**shape_layers(kind))).to(dtype).save_pretrained(folder)
        base = load_base(Path(folder), precision, device, gradients=True)
    parameters = base.num_parameters()
    model = Lora().attach(base).train()
    if kind.twice:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    ids = torch.randint(0, WORDS, size_batch(device, parameters), device=device.kind)
    laps = [_lap(model, ids, device, kind) for _ in range(LAPS)]
    speed = Speed(count_operations(parameters, ids.numel()) / statistics.median(laps[1:]), GUESSED_START_SECONDS)
    del model, base
    return_memory()
    save_speed(cache, device, kind, speed, of_run=False)
    return speed


def _lap(model: Any, ids: Any, device: DeviceFacts, kind: StepKind) -> float:
    """Seconds of a step; where one thread takes it, by its own clock, which stands while others have the processor."""
    import torch

    clock = time.thread_time if device.kind == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    half = torch.float16 if kind.half == "fp16" else torch.bfloat16
    with torch.autocast(device.kind, dtype=half, enabled=kind.half is not None):
        loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    model.zero_grad(set_to_none=True)
    if device.kind != "cpu":
        torch.accelerator.synchronize()
    return clock() - began


def shape_layers(kind: StepKind) -> dict[str, Any]:
    """Return the config of a Llama whose layers are as wide as a model's, and have as many weights."""
    width, each = min(kind.width, MOST_WIDTH), min(MOST_WEIGHTS, max(1, kind.linear // max(1, kind.layers)))
    size = 128 if width >= 2048 else 64
    heads = max(1, width // size)
    shared = heads if heads % 4 else heads // 4
    attention = 2 * width * size * (heads + shared)
    return {
        "vocab_size": WORDS,
        "hidden_size": width,
        "head_dim": size,
        "num_attention_heads": heads,
        "num_key_value_heads": shared,
        "intermediate_size": 16 * max(4, round((each - attention) / (3 * width) / 16)),
        "num_hidden_layers": max(1, min(kind.layers, ENOUGH_WEIGHTS // each)),
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }


def size_batch(device: DeviceFacts, parameters: int) -> tuple[int, int]:
    """Return rows and tokens of a batch that is large enough to tell, and soon computed."""
    if device.kind != "cpu":
        return 2, LONG_ROW
    return max(2, min(16, int(MOST_OPERATIONS / count_operations(parameters, ROW)))), ROW


def main() -> None:
    """Time what the command line says: folder of the cache, device and kind of step, as JSON."""
    cache, device, kind = json.loads(sys.argv[1])
    time_layers(Path(cache), DeviceFacts(**device), StepKind(*kind))


if __name__ == "__main__":
    main()
