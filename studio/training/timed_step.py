"""What a step of a training takes, about, before there was one: by reading its rows once."""

import time
from typing import Any

import torch

from studio.models.forward import call_model, list_words
from studio.objectives.objective import Example, list_rows

MOST_TIMED = 8
"""So many rows are read, at most, to see what a step takes."""
READINGS = 1.25
"""So many readings a step takes, at least: two or three, but where rows share their beginning, that is read once."""


def time_step(base: Any, examples: list[Example], batch_size: int, pad_id: int) -> float:
    """Return what a step takes, about, in seconds, by reading its rows; rather less than the truth.

    As many rows are read as a step has, up to a few, since so small
    a model takes hardly longer for more; only two where all logits would be made, which need memory that a training
    never does. A card reads more of them in hardly more time. What others have of the processor meanwhile doesn't
    count: they may be done before the first step.
    """
    kind: Any = type(base)
    most = min(MOST_TIMED, batch_size) if "logits_to_keep" in list_words(kind) else 2
    shown = list_rows(examples[:most])
    rows = [row.input_ids for row in shown[:most]]
    longest = max(map(len, rows))
    ids = torch.tensor([[pad_id] * (longest - len(row)) + row for row in rows], device=base.device)
    with torch.no_grad():
        call_model(base, input_ids=ids[:2], use_cache=False, logits_to_keep=1)
        began, worked = time.monotonic(), time.process_time()
        logits = call_model(base, input_ids=ids, use_cache=False, logits_to_keep=1).logits
        float(logits[0, -1, 0])  # waits for a card
    taken, worked = time.monotonic() - began, time.process_time() - worked
    if base.device.type != "cpu":
        return READINGS * taken
    return READINGS * min(taken, worked) * batch_size / min(most, len(examples)) * len(shown) / len(rows)
