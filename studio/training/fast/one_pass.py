"""Reading rows with a common beginning in one pass: the beginning comes once, before all rows, in one long sequence.

Linear layers don't care where a token is, so only attention has to know: the beginning looks at itself, each row at
the beginning and at itself. The model's own attention function does both, with masks made here. Same logits, same
gradients, about half the tokens for a short task. (Reading a common beginning once is the idea of Hydragen, Juravsky et
al. 2024, arXiv:2402.05099; here in training.)
"""

import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from studio.foreign import Original
from studio.models.forward import call_model
from studio.models.wide import find_width
from studio.training.fast.attention import Layout, attend, make_masks

READ_FROM = (
    Original("transformers.models.llama.modeling_llama.eager_attention_forward", "5.23.0", "d425c745e98f"),
    Original("transformers.models.llama.modeling_llama.LlamaAttention.forward", "5.23.0", "2e8f16ba887c"),
    Original("transformers.models.llama.modeling_llama.LlamaDecoderLayer.forward", "5.23.0", "d06e2eef7bb9"),
    Original("transformers.models.llama.modeling_llama.LlamaForCausalLM.forward", "5.23.0", "c3c56af38306"),
    Original("transformers.integrations.sdpa_attention.sdpa_attention_forward", "5.23.0", "46b9cd9ef42e"),
    Original("transformers.masking_utils._preprocess_mask_arguments", "5.23.0", "0dc9db47f338"),
    Original("transformers.PreTrainedModel.set_attn_implementation", "5.23.0", "90e2e6b0b959"),
)

HANDED = "one_pass"
"""The word under which a model hands the layout to its attention: a layer that is computed again on the way back, maybe
in another thread, is given it again."""
_LAYOUT: ContextVar[Layout | None] = ContextVar("layout", default=None)
"""The same for models that hand nothing on."""


def read_in_one_pass(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that predict each learnt token (learnt x vocabulary), and the tokens (learnt).

    `batch` is a Batcher's with prefix_ids. The model must have been given `use_one_pass`.
    """
    beginning, ids, labels = batch["prefix_ids"], batch["input_ids"], batch["labels"]
    size, (rows, length) = beginning.shape[1], ids.shape
    learnt = batch["learnt"]
    places = torch.arange(size, device=ids.device)[None]
    masks = make_masks(batch["attention_mask"][:, size:], size) if "attention_mask" in batch else None
    layout = Layout(size, rows, length, masks, learnt + size)
    known = _LAYOUT.set(layout)
    try:
        out = call_model(
            model,
            {HANDED: layout},
            input_ids=torch.cat([beginning, ids.reshape(1, -1)], dim=1),
            position_ids=torch.cat([places, batch["position_ids"].reshape(1, -1)], dim=1),
            attention_mask=torch.zeros(1, 1, 1, 1, device=ids.device),  # of four dimensions: none is made
            logits_to_keep=learnt + size,
            use_cache=False,
        )
    finally:
        _LAYOUT.reset(known)
    logits = out.logits.squeeze(0)
    kept = logits if len(logits) == len(learnt) else logits[learnt + size]  # some heads read everything
    return kept, labels.flatten()[learnt + 1]


def use_one_pass(model: Any, last_block_narrows: bool = True) -> str:
    """Let a model's attention read such sequences too; return the name of the attention it had.

    Where the last block narrows, it writes only where something is learnt. Raises AttributeError or ValueError for a
    model whose attention can't be exchanged.
    """
    before = str(model.config.get_text_config()._attn_implementation)
    model.set_attn_implementation(f"one_pass_{before}")
    block = _find_last_block(model) if last_block_narrows else None
    if block is not None and not any(isinstance(part.forward, _WhereLearnt) for part in _list_parts(block)):
        seen = _Seen()
        seen.hook = block.register_forward_pre_hook(seen.look, with_kwargs=True)
        for part in _list_parts(block):
            part.forward = _WhereLearnt(part.forward, seen)
    return before


def leave_one_pass(model: Any, before: str) -> None:
    """Give a model back the attention it had before `use_one_pass`, and its last block."""
    model.set_attn_implementation(before)
    for module in model.modules():
        if isinstance(vars(module).get("forward"), _WhereLearnt):
            own = module.forward
            own.seen.hook.remove()
            del module.forward
            if own.forward != module.forward:  # somebody else's
                module.forward = own.forward


def _find_last_block(model: Any) -> Any:
    decoder = getattr(model, "get_base_model", lambda: model)().get_decoder()
    blocks = next((part for part in decoder.children() if isinstance(part, torch.nn.ModuleList)), None)
    return blocks[-1] if blocks else None


def _list_parts(block: Any) -> list[Any]:
    """The parts of a block that look at one place at a time; their answers are only added to the rest."""
    parts = getattr(block, "mlp", None), getattr(getattr(block, "self_attn", None), "o_proj", None)
    return [part for part in parts if part is not None]


class _Seen:
    """The layout that a block was last called with: it stays until the next call, so what is computed again has it."""

    hook: Any
    layout: Layout | None = None

    def look(self, block: Any, given: Any, named: dict[str, Any]) -> None:
        self.layout = named.get(HANDED) or _LAYOUT.get()


class _WhereLearnt:
    """The forward of such a part: elsewhere it answers nothing, which nobody reads."""

    def __init__(self, forward: Callable[..., Any], seen: _Seen) -> None:
        self.forward, self.seen = forward, seen

    def __call__(self, x: torch.Tensor, *more: Any, **options: Any) -> Any:
        learnt = self.seen.layout.learnt if self.seen.layout else None
        if learnt is None:
            return self.forward(x, *more, **options)
        found = self.forward(x[:, learnt], *more, **options)
        if not isinstance(found, torch.Tensor):  # a mixture of experts may say more than its answer
            return self.forward(x, *more, **options)
        return found.new_zeros(1, x.shape[1], found.shape[-1]).index_copy(1, learnt, found)


def _attend(
    inner: Callable[..., Any], layout: Layout | None, module: Any, states: tuple[Any, ...], mask: Any, options: Any
) -> Any:
    """Attend by a function that knows nothing of layouts, with masks."""
    if layout is None:
        return inner(module, *states, mask, **options)
    masks = layout.masks
    if masks is None:
        masks = make_masks(torch.ones(layout.rows, layout.length, device=states[0].device), layout.beginning)
    (q, rows_q), (k, rows_k), (v, rows_v) = _part_all(states, layout)
    lowest = torch.finfo(q.dtype).min
    narrow = (each.clamp(min=lowest).to(q.dtype) for each in masks)
    first = inner(module, q, k, v, next(narrow), **options)[0]
    rest = inner(module, rows_q, rows_k, rows_v, next(narrow), **options)[0]
    return torch.cat([first, rest.flatten(0, 1)[None]], dim=1), None


def _part_all(states: tuple[Any, ...], layout: Layout) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Queries, keys and values of the beginning and of the rows, whose keys and values are led by the beginning's."""
    for place, each in enumerate(states):
        rows = each[0, :, layout.beginning :].unflatten(1, (layout.rows, layout.length)).transpose(0, 1)
        first = each[:, :, : layout.beginning]
        yield first, torch.cat([first.expand(layout.rows, -1, -1, -1), rows], dim=2) if place else rows


def _attend_plainly(module: Any, *states: Any, **options: Any) -> Any:
    layout, scale = options.pop(HANDED, None) or _LAYOUT.get(), options.get("scaling")
    unusual = options.get("dropout") or any(options.get(name) is not None for name in ("softcap", "s_aux"))
    if layout is not None and scale and not unusual:
        query, key, value = states[:3]
        return attend(query, key, value, layout, scale), None
    own = sys.modules[type(module).__module__].eager_attention_forward  # each architecture has its own
    return _attend(own, layout, module, states[:3], states[3], options)


def _attend_fused(module: Any, *states: Any, **options: Any) -> Any:
    """Attend by torch's own kernels: without masks where none is needed, so that a card skips what nobody sees."""
    layout = options.pop(HANDED, None) or _LAYOUT.get()
    if layout is None or layout.masks is not None or options.get("position_bias") is not None:
        return _attend(ALL_ATTENTION_FUNCTIONS["sdpa"], layout, module, states[:3], states[3], options)
    to = find_width(states[0])  # what joins them looks at their kinds before autocast does
    (q, rows_q), (k, rows_k), (v, rows_v) = _part_all(tuple(each.to(to) for each in states[:3]), layout)
    known = {
        "dropout_p": options.get("dropout", 0.0),
        "scale": options.get("scaling"),
        "enable_gqa": q.shape[1] != k.shape[1],
    }
    sees = causal_lower_right(layout.length, layout.beginning + layout.length)
    first = scaled_dot_product_attention(q, k, v, is_causal=True, **known)
    rest = scaled_dot_product_attention(rows_q, rows_k, rows_v, attn_mask=sees, **known)
    return torch.cat([first.transpose(1, 2), rest.transpose(1, 2).flatten(0, 1)[None]], dim=1), None


for _name, _attention in (("eager", _attend_plainly), ("sdpa", _attend_fused)):
    AttentionInterface.register(f"one_pass_{_name}", _attention)
    AttentionMaskInterface.register(f"one_pass_{_name}", ALL_MASK_ATTENTION_FUNCTIONS[_name])
