"""How long a run will take, from a short measurement on this device, not from a table.

The first measurement is a few training steps of a small decoder; after that, each run leaves what it measured.
"""

import json
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from studio.methods.lora import Lora
from studio.models.device import DeviceFacts
from studio.models.libraries import import_libraries
from studio.models.loading import leave_a_core
from studio.workspace import write_whole

GUESSED_START_SECONDS = 6.0
"""Base model, tokens and the first step, until a run has measured it."""
_FILE = "speed.json"


class Speed(NamedTuple):
    """How fast a device trains: floating-point operations a second, and seconds before the first step."""

    flops: float
    start_seconds: float


def load_speed(cache: Path, device: DeviceFacts) -> Speed | None:
    """Return the speed of this device as it was last measured, None before the first measurement."""
    try:
        found = json.loads((cache / _FILE).read_text())
        return Speed(float(found["flops"]), float(found["start_seconds"])) if found["device"] == device.name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_speed(cache: Path, device: DeviceFacts, speed: Speed) -> None:
    """Keep a measured speed, in place of an older one."""
    write_whole(cache / _FILE, json.dumps({"device": device.name, **speed._asdict()}))


def measure_speed(cache: Path, device: DeviceFacts) -> Speed:
    """Time a few training steps of LoRA on a small decoder here, keep the result in `cache` and return it."""
    import_libraries()
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    leave_a_core(device)  # as the training will
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=256,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=704,
        tie_word_embeddings=True,
    )
    model = Lora().attach(LlamaForCausalLM(config).requires_grad_(False)).to(device.kind)
    ids = torch.randint(0, 4096, (16, 32), device=device.kind)
    half = torch.float16 if device.half == "fp16" else torch.bfloat16
    laps = []
    for _ in range(5):
        began = time.perf_counter()
        with torch.autocast(device.kind, dtype=half, enabled=device.half is not None):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        if device.kind != "cpu":
            torch.accelerator.synchronize()
        laps.append(time.perf_counter() - began)
        model.zero_grad(set_to_none=True)
    flops = count_operations(model.num_parameters(), ids.numel()) / statistics.median(laps)
    speed = Speed(flops, GUESSED_START_SECONDS)
    save_speed(cache, device, speed)
    return speed


def measure_run(began: float, step_moments: list[float], parameters: int, tokens_a_step: float) -> Speed:
    """Return the speed of a run that began at `began` and ended its steps at `step_moments` (seconds of one clock).

    What it evaluated and sampled between steps counts in, as it will the next time.
    """
    a_step = (step_moments[-1] - step_moments[0]) / (len(step_moments) - 1)
    return Speed(count_operations(parameters, tokens_a_step) / a_step, max(0.0, step_moments[0] - began))


def count_operations(parameters: int, tokens: float) -> float:
    """Return the floating-point operations of a training step.

    That is 6 a parameter and token (Kaplan et al. 2020, arXiv:2001.08361).
    """
    return 6.0 * parameters * tokens


def estimate_seconds(
    speed: Speed, parameters: int, tokens_a_step: float, steps: int, read_before: float = 0.0
) -> float:
    """Return the seconds that `steps` steps take at `speed`, with the start.

    So many tokens are `read_before` the first step and not learnt from, which is a third of the work.
    """
    tokens = steps * max(1.0, tokens_a_step) + read_before / 3
    return speed.start_seconds + count_operations(parameters, tokens) / speed.flops
