"""One real training step of the studio on fake tensors: what a graphics card's allocator would hold at its peak.

Everything is the studio's own code and that of its libraries; tensors have shapes and no numbers, so a step of an 8B
takes seconds and no memory. Attention is computed by the operations that a card takes, and each new storage is counted
while somebody holds it. Knows no estimate.
"""

import math
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

import bitsandbytes
import torch
from accelerate.utils.operations import convert_outputs_to_fp32
from bitsandbytes.functional import QuantState
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoModelForCausalLM

from studio.methods import METHODS
from studio.precisions.reach import list_reached
from studio.training.batch import Batcher, add_up, read_logprobs
from studio.training.fast import one_pass
from studio.training.fast.checkpointing import checkpoint_layers
from studio.training.fast.fused_lora import fuse_lora
from studio.training.fast.words_on_host import put_words_on_host
from studio.training.session import widen_trained

BLOCK = 512
"""Bytes in which a card's memory is handed out."""


class Case(NamedTuple):
    """What is traced: `shape` a config, `whole` the layers that aren't checkpointed (None: none is).

    `on_host` says that what goes into layers waits on the host, `words` that the table of words does.
    """

    shape: dict[str, Any]
    method: dict[str, Any]
    precision: str = "bf16"
    half: str = "bf16"
    batch: int = 2
    length: int = 2048
    learnt: int = 512
    shared: int = 0
    whole: int | None = None
    on_host: bool = False
    words: bool = False
    pieces: bool = True


class Traced(NamedTuple):
    """Bytes at the peak of a training step and of an evaluation, and those of the base alone."""

    base: int
    step: int
    evaluation: int


class Memory(TorchDispatchMode):
    """Counts the storages that live."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute, and note each storage that is new."""
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return made

    def _note(self, storage: Any) -> None:
        if storage._cdata not in self.live:
            self.live[storage._cdata] = -(-storage.nbytes() // BLOCK) * BLOCK
            self.now += self.live[storage._cdata]
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, storage._cdata)

    def leave(self, tensor: torch.Tensor) -> None:
        """Count no longer what lies elsewhere."""
        self._forget(tensor.untyped_storage()._cdata)

    def _forget(self, key: int) -> None:
        self.now -= self.live.pop(key, 0)

    def measure(self) -> int:
        """Return the peak since this was last asked, and begin again."""
        peak, self.peak = self.peak, self.now
        return peak


def trace(case: Case) -> Traced:
    """Make two steps and an evaluation of a case."""
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}[case.half]
    memory = Memory()
    with ExitStack() as stack:
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        stack.enter_context(memory)
        stack.enter_context(_as_a_card(flash=case.half == "bf16"))
        base = _make_base(case, half)
        held = memory.now
        model = _attach(base, case, half)
        if case.words:
            assert put_words_on_host(model)
            memory.leave(model.get_input_embeddings().weight)
        batch = _make_batch(case)
        trained = [value for value in model.parameters() if value.requires_grad]
        optimiser = torch.optim.AdamW(trained, fused=True)
        memory.measure()
        peaks = []
        for _ in range(2):
            _step(model, batch)
            optimiser.step()
            for value in trained:
                value.grad = None
            peaks.append(memory.measure())
        model.eval()
        with torch.no_grad():
            read_logprobs(model, batch)
        return Traced(held, max(peaks), memory.measure())


def _step(model: Any, batch: dict[str, Any]) -> None:
    tokens = read_logprobs(model, batch).tokens
    (add_up(-tokens) / len(tokens)).backward()


def _make_base(case: Case, half: torch.dtype) -> Any:
    config = AutoConfig.for_model(**{"model_type": "llama", "max_position_embeddings": 8192, **case.shape})
    stored = torch.float32 if case.precision == "fp32" else half
    torch.set_default_dtype(stored)  # fake tensors refuse to be moved
    try:
        base = AutoModelForCausalLM.from_config(config)
    finally:
        torch.set_default_dtype(torch.float32)
    base.set_attn_implementation("sdpa")
    if case.precision in ("nf4", "int8"):
        for name in list_reached(base):
            parent, _, own = name.rpartition(".")
            make = _make_4_bit if case.precision == "nf4" else _make_8_bit
            setattr(base.get_submodule(parent), own, make(base.get_submodule(name), stored))
        base.is_loaded_in_4bit, base.is_loaded_in_8bit = case.precision == "nf4", case.precision == "int8"
    base.requires_grad_(False).eval()
    if case.precision in ("nf4", "int8"):
        base.enable_input_require_grads()
    return base


def _make_4_bit(layer: Any, stored: torch.dtype) -> Any:
    rows, columns = layer.weight.shape
    with unset_fake_temporarily(), torch.device("meta"):
        made = bitsandbytes.nn.Linear4bit(columns, rows, bias=False, compute_dtype=stored, quant_type="nf4")
    blocks = rows * columns // 64
    scales = QuantState(
        absmax=torch.empty(math.ceil(blocks / 256)), blocksize=256, code=torch.empty(256), dtype=torch.float32
    )
    weight: Any = torch.nn.Parameter(torch.empty(rows * columns // 2, 1, dtype=torch.uint8), requires_grad=False)
    weight.quant_state = QuantState(
        absmax=torch.empty(blocks, dtype=torch.uint8),
        shape=torch.Size((rows, columns)),
        dtype=stored,
        blocksize=64,
        code=torch.empty(16),
        quant_type="nf4",
        offset=torch.empty(()),
        state2=scales,
    )
    for name, value in {
        "compress_statistics": True,
        "quant_type": "nf4",
        "bnb_quantized": True,
        "module": None,
        "quant_storage": torch.uint8,
        "blocksize": 64,
    }.items():
        setattr(weight, name, value)
    del made.weight
    made.weight, made.quant_state, made.bias = weight, weight.quant_state, layer.bias
    made.support_avx512bf16_for_cpu = False
    return made


class _Codes(torch.autograd.Function):
    """A product with 8-bit codes, by what LLM.int8() makes on a card: codes of the input, and sums of 32 bits."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, to: torch.dtype) -> torch.Tensor:
        ctx.save_for_backward(weight)
        ctx.kind, ctx.to = x.dtype, to
        rows = x.reshape(-1, x.shape[-1]).to(to)
        codes = torch.empty(rows.shape, dtype=torch.int8)
        sums = torch.empty(len(codes), len(weight), dtype=torch.int32)
        return sums.to(to).view(*x.shape[:-1], -1).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (weight,) = ctx.saved_tensors
        return (grads[0].to(ctx.to) @ weight.to(ctx.to)).to(ctx.kind), None, None


class _Eight(torch.nn.Linear):
    """A linear layer of 8-bit codes with a scale a row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = _Codes.apply(x, self.weight, self.stored)
        return found


def _make_8_bit(layer: Any, stored: torch.dtype) -> Any:
    rows, columns = layer.weight.shape
    with unset_fake_temporarily(), torch.device("meta"):
        made: Any = _Eight(columns, rows, bias=False)
    del made.weight
    made.weight = torch.nn.Parameter(torch.empty(rows, columns, dtype=torch.int8), requires_grad=False)
    made.scales, made.stored = torch.empty(rows), stored
    return made


def _attach(base: Any, case: Case, half: torch.dtype) -> Any:
    stay = mock.patch.object(torch.nn.Module, "_apply", lambda self, function, recurse=True: self)
    still = mock.patch(
        "peft.tuners.tuners_utils.BaseTunerLayer._move_adapter_to_device_of_base_layer", lambda *_, **__: 0
    )
    with stay, still:
        model = METHODS.read(case.method).attach(base)
    widen_trained(model)
    model.train()
    if case.whole is not None:
        checkpoint_layers(model, case.whole, case.on_host)
    fuse_lora(model, keep_copies=case.whole is None)
    if case.shared:
        one_pass.use_one_pass(model)
    model.forward = convert_outputs_to_fp32(torch.autocast("cpu", dtype=half)(model.forward))
    return model


def _make_batch(case: Case) -> dict[str, Any]:
    """Rows of one length, which begin alike up to `shared` tokens."""
    rows = []
    for number in range(case.batch):
        own = [1000 + number, *range(2000, 2000 + case.length - case.shared - 1)]
        ids = [*range(5, 5 + case.shared), *(token % 20_000 for token in own)]
        rows.append({"input_ids": ids, "labels": [-100] * (case.length - case.learnt) + ids[-case.learnt :]})
    batcher = Batcher(0, case.shared, padding="right")
    batcher.in_pieces = case.pieces
    with unset_fake_temporarily():
        batch = batcher(rows)
    return {name: value + 0 if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


class _Elsewhere(torch.autograd.graph.saved_tensors_hooks):
    """What is kept on the host is nowhere on the card until it comes back."""

    def __init__(self, pin_memory: bool = False) -> None:
        super().__init__(
            lambda kept: (kept.shape, kept.dtype, kept.requires_grad),
            lambda known: torch.empty(known[0], dtype=known[1], requires_grad=known[2]),
        )


@contextmanager
def _as_a_card(flash: bool) -> Iterator[None]:
    """Let attention be computed by the operations that a card takes."""

    def attend(query: Any, key: Any, value: Any, attn_mask: Any = None, *_: Any, **known: Any) -> Any:
        scale, causal = known.get("scale"), True
        if torch.is_autocast_enabled("cpu"):
            query, key, value = (each.to(torch.get_autocast_dtype("cpu")) for each in (query, key, value))
        dense = attn_mask
        if dense is None and flash:
            return torch.ops.aten._scaled_dot_product_flash_attention(
                query, key, value, 0.0, causal, False, scale=scale
            )[0]
        if known.get("enable_gqa"):
            groups = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        if dense is not None:
            dense = dense.to(query.dtype).expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
        return torch.ops.aten._scaled_dot_product_efficient_attention(
            query, key, value, dense, True, 0.0, dense is None, scale=scale
        )[0]

    with (
        mock.patch.object(torch.nn.functional, "scaled_dot_product_attention", attend),
        mock.patch.object(one_pass, "scaled_dot_product_attention", attend),
        mock.patch.object(one_pass, "causal_lower_right", lambda *_: None),  # no table, and so none here
        mock.patch.object(torch.autograd.graph, "save_on_cpu", _Elsewhere),
    ):
        yield
