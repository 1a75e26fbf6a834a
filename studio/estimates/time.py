"""How long a run will take, from a short measurement on this device, not from a table.

The measurement is a few training steps of a small decoder; a run that has trained the same model before gives a
better one.
"""

import json
import time
from pathlib import Path

from studio.models.device import DeviceFacts
from studio.workspace import write_whole

START_SECONDS = 12.0
"""Libraries, base model and tokens, before the first step; replaced by what the last run needed."""
_MEASURED = "speed.json"


def load_speed(cache: Path, device: DeviceFacts) -> float | None:
    """Return the measured speed of this device in FLOP/s, None before the first measurement."""
    try:
        found = json.loads((cache / _MEASURED).read_text())
        return float(found["flops"]) if found["device"] == device.name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def measure_speed(cache: Path, device: DeviceFacts) -> float:
    """Time a few training steps of a small decoder here, keep the result in `cache` and return it (FLOP/s)."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=256,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=704,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).to(device.kind)
    ids = torch.randint(0, 4096, (16, 64), device=device.kind)
    laps = []
    for _ in range(4):
        began = time.perf_counter()
        with torch.autocast(device.kind, dtype=torch.bfloat16, enabled=device.bf16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        if device.kind != "cpu":
            torch.accelerator.synchronize()
        laps.append(time.perf_counter() - began)
        model.zero_grad(set_to_none=True)
    speed = count_operations(model.num_parameters(), ids.numel()) / sorted(laps)[1]
    write_whole(cache / _MEASURED, json.dumps({"device": device.name, "flops": speed}))
    return speed


def count_operations(parameters: int, tokens: int) -> float:
    """Return the floating-point operations of a training step: 6 a parameter and token (Kaplan et al.

    2020, arXiv:2001.08361).
    """
    return 6.0 * parameters * tokens


def estimate_seconds(speed: float, parameters: int, tokens_a_step: float, steps: int) -> float:
    """Return the seconds that `steps` steps take at `speed` FLOP/s, with the start."""
    return START_SECONDS + steps * count_operations(parameters, max(1, int(tokens_a_step))) / speed
