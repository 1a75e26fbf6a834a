"""Every fast path has the gradients of the plain one, on every kind of base, with all that can be combined with it.

As on a card: the way back, and what is computed again on it, runs in a thread of its own.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from test_batch import BEGINNING, make_rows
from test_card import HALF, PLAIN
from tiny import sum_loss

from studio.models.device import DeviceFacts
from studio.models.loading import load_base
from studio.precisions import PRECISIONS

BASES = {
    "fp32": ("fp32", PLAIN, 1e-4),
    "fp32 in bf16": ("fp32", PLAIN.model_copy(update={"bf16": True}), 0.05),
    "bf16": ("bf16", PLAIN.model_copy(update={"bf16": True}), 0.05),
    "fp16": ("bf16", HALF, 0.02),
    "int8": ("int8", PLAIN.model_copy(update={"bf16": True}), 0.08),
    "nf4": ("nf4", PLAIN.model_copy(update={"bf16": True}), 0.05),
    "nf4 in fp16": ("nf4", HALF, 0.02),
}
"""A precision, what computes it, and how far rounding may move the gradients, relative to them."""


class Ways(NamedTuple):
    """What is combined: checkpointing (of all layers but so many), attention, padding, sharing, the head in pieces, and
    whether what goes into checkpointed layers waits on the host, and the table of words.
    """

    whole: int | None = None
    attention: str = "eager"
    padding: Any = "left"
    shares: bool = True
    pieces: bool = False
    on_host: bool = False
    words: bool = False


PATHS = {
    "shared": Ways(),
    "shared, fused attention": Ways(attention="sdpa"),
    "shared, no masks": Ways(attention="sdpa", padding="right"),
    "checkpointed": Ways(0, shares=False),
    "checkpointed and shared": Ways(0),
    "checkpointed and shared, no masks": Ways(0, "sdpa", "right"),
    "one checkpointed and shared": Ways(1),
    "no masks": Ways(attention="sdpa", padding="right", shares=False),
    "in pieces, checkpointed and shared": Ways(0, "sdpa", "right", pieces=True),
    "one checkpointed on the host, shared": Ways(1, "sdpa", "right", on_host=True),
    "one checkpointed, shared, words on the host": Ways(1, "sdpa", "right", words=True),
    "in pieces": Ways(shares=False, pieces=True),
}


CROSS = {
    f"{whole} whole, {attention} {padding}{', shared' * shares}{', pieces' * pieces}": ways
    for whole, (attention, padding), shares, pieces in product(
        (None, 0, 1), (("eager", "left"), ("sdpa", "left"), ("sdpa", "right")), (False, True), (False, True)
    )
    if (ways := Ways(whole, attention, padding, shares, pieces)) not in PATHS.values()
}
"""All that can be combined; tried on the base that shows the smallest fault, and the others where they are used."""
CASES = [(base, path) for base in BASES for path in (PATHS | CROSS if base == "fp32" else PATHS)]


@pytest.fixture
def base(request: pytest.FixtureRequest, tiny_model: Path) -> Iterator[tuple[Any, Any, float]]:
    """A model with LoRA that has learnt something, what it is computed in, and what rounding may do."""
    import torch

    from studio.methods.lora import Lora
    from studio.training.session import widen_trained

    precision, device, bound = BASES[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Lora(rank=4).attach(load_base(tiny_model, PRECISIONS.read(precision), device, gradients=True))
        for value in model.parameters():
            if value.requires_grad:
                value.data = value.data + 0.02 * torch.randn_like(value)
    widen_trained(model)
    yield model, None if device is PLAIN else find_dtype(device), bound


def find_dtype(device: DeviceFacts) -> Any:
    """What a device computes in."""
    from studio.precisions.precision import find_dtype

    return find_dtype(device.half)


def read(model: Any, dtype: Any, batches: list[Any]) -> tuple[float, list[Any]]:
    """The loss of batches, and the gradients of what trains; the way back is gone in another thread."""
    import torch

    model.train()
    found = 0.0
    for batch in batches:
        with torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            total = sum_loss(model, batch).total
        with ThreadPoolExecutor(1) as other:
            other.submit(total.backward).result()
        found += float(total.detach())
    gradients = [value.grad.clone() for value in model.parameters() if value.requires_grad and value.grad is not None]
    model.zero_grad()
    return found, gradients


@pytest.mark.soon(24)
@pytest.mark.parametrize(("base", "path"), CASES, indirect=["base"])
def test_its_gradients_are_those_of_each_row_alone(
    path: str, base: tuple[Any, Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training.batch import Batcher
    from studio.training.fast.checkpointing import checkpoint_layers
    from studio.training.fast.fused_lora import fuse_lora
    from studio.training.fast.one_pass import use_one_pass
    from studio.training.fast.words_on_host import put_words_on_host

    model, dtype, bound = base
    rows, ways = make_rows(BEGINNING), (PATHS | CROSS)[path]
    wanted, gradients = read(model, dtype, [Batcher(0, padding="alone")([row]) for row in rows])
    model.set_attn_implementation(ways.attention)
    if ways.whole is not None:
        assert checkpoint_layers(model, ways.whole, ways.on_host) == 2 - ways.whole
    if ways.words:
        assert put_words_on_host(model)
    fuse_lora(model, keep_copies=ways.whole is None)
    if ways.shares:
        use_one_pass(model)
    batcher = Batcher(0, 1000 if ways.shares else 0, padding=ways.padding)
    batcher.in_pieces = ways.pieces
    monkeypatch.setattr("studio.training.fast.head.MOST_LOGITS", 1000)
    batch = batcher(rows)
    assert ("prefix_ids" in batch) == ways.shares
    found, computed = read(model, dtype, [batch])
    assert found == pytest.approx(wanted, rel=max(1e-5, bound / 4))
    assert len(computed) == len(gradients) > 0
    whole = sum(float(one.norm()) ** 2 for one in gradients) ** 0.5
    for one, other in zip(gradients, computed, strict=True):
        assert (one - other).norm() <= bound * (one.norm() + 0.1 * whole)
