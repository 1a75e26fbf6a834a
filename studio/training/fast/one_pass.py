"""Reading rows with a common beginning in one pass: the beginning stands once, before all rows, in one long sequence.

Linear layers don't care where a token stands, so only attention has to know: the beginning looks at itself, each row at
the beginning and at itself. The model's own attention function does both, with masks made here. Same logits, same
gradients, about half the tokens for a short task. (Reading a common beginning once is the idea of Hydragen, Juravsky et
al. 2024, arXiv:2402.05099; here in training.)
"""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from studio.foreign import Original
from studio.models.forward import call_model
from studio.training.fast.attention import Layout, attend

READ_FROM = (
    Original("transformers.models.llama.modeling_llama.eager_attention_forward", "5.23.0", "d425c745e98f"),
    Original("transformers.models.llama.modeling_llama.LlamaAttention.forward", "5.23.0", "2e8f16ba887c"),
    Original("transformers.models.llama.modeling_llama.LlamaDecoderLayer.forward", "5.23.0", "d06e2eef7bb9"),
    Original("transformers.models.llama.modeling_llama.LlamaForCausalLM.forward", "5.23.0", "c3c56af38306"),
    Original("transformers.integrations.sdpa_attention.sdpa_attention_forward", "5.23.0", "46b9cd9ef42e"),
    Original("transformers.masking_utils._preprocess_mask_arguments", "5.23.0", "0dc9db47f338"),
    Original("transformers.PreTrainedModel.set_attn_implementation", "5.23.0", "90e2e6b0b959"),
)

_LAYOUT: ContextVar[Layout | None] = ContextVar("layout", default=None)
_LEARNT: ContextVar[torch.Tensor | None] = ContextVar("learnt", default=None)


def read_in_one_pass(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that predict each learnt token (learnt x vocabulary), and the tokens (learnt).

    `batch` is a Batcher's with prefix_ids. The model must have been given `use_one_pass`.
    """
    beginning, ids, labels = batch["prefix_ids"], batch["input_ids"], batch["labels"]
    size, (rows, length) = beginning.shape[1], ids.shape
    learnt = batch["learnt"]
    places = torch.arange(size, device=ids.device)[None]
    layout = _LAYOUT.set(Layout(size, rows, length, *_make_masks(batch["attention_mask"], size)))
    kept = _LEARNT.set(learnt + size)
    try:
        out = call_model(
            model,
            input_ids=torch.cat([beginning, ids.reshape(1, -1)], dim=1),
            position_ids=torch.cat([places, batch["position_ids"].reshape(1, -1)], dim=1),
            attention_mask=torch.zeros(1, 1, 1, 1, device=ids.device),  # of four dimensions: none is made
            logits_to_keep=learnt + size,
            use_cache=False,
        )
    finally:
        _LAYOUT.reset(layout)
        _LEARNT.reset(kept)
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
    for module in _find_last_parts(model) if last_block_narrows else []:
        if not isinstance(module.forward, _WhereLearnt):
            module.forward = _WhereLearnt(module.forward)
    return before


def leave_one_pass(model: Any, before: str) -> None:
    """Give a model back the attention it had before `use_one_pass`, and its last block."""
    model.set_attn_implementation(before)
    for module in model.modules():
        if isinstance(vars(module).get("forward"), _WhereLearnt):
            inner = module.forward.forward
            del module.forward
            if inner != module.forward:  # somebody else's
                module.forward = inner


def _find_last_parts(model: Any) -> list[Any]:
    """Return the parts of the last block that look at one place at a time; their answers are only added to the rest."""
    decoder = getattr(model, "get_base_model", lambda: model)().get_decoder()
    blocks = next((part for part in decoder.children() if isinstance(part, torch.nn.ModuleList)), None)
    if not blocks:
        return []
    parts = getattr(blocks[-1], "mlp", None), getattr(getattr(blocks[-1], "self_attn", None), "o_proj", None)
    return [part for part in parts if part is not None]


class _WhereLearnt:
    """The forward of such a part: elsewhere it answers nothing, which nobody reads."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.forward = forward

    def __call__(self, x: torch.Tensor, *more: Any, **options: Any) -> Any:
        learnt = _LEARNT.get()
        if learnt is None:
            return self.forward(x, *more, **options)
        found = self.forward(x[:, learnt], *more, **options)
        if not isinstance(found, torch.Tensor):  # a mixture of experts may say more than its answer
            return self.forward(x, *more, **options)
        return found.new_zeros(1, x.shape[1], found.shape[-1]).index_copy(1, learnt, found)


def _make_masks(mask: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks of the beginning and of the rows, from attention_mask (rows x (beginning + length))."""
    never = torch.finfo(torch.float32).min
    own = mask[:, size:].bool()
    rows, length = own.shape
    beginning = torch.full((size, size), never, device=mask.device).triu(1)
    seen = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril() & own[:, None]
    before = torch.zeros(rows, length, size, device=mask.device)
    return beginning[None, None], torch.cat([before, (~seen).float() * never], dim=2)[:, None]


def _attend(inner: Callable[..., Any], module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
    layout = _LAYOUT.get()
    if layout is None:
        return inner(module, query, key, value, mask, **options)
    (q, rows_q), (k, rows_k), (v, rows_v) = (_part(each, layout) for each in (query, key, value))
    rows_k, rows_v = (
        torch.cat([first.expand(layout.rows, -1, -1, -1), own], dim=2) for first, own in ((k, rows_k), (v, rows_v))
    )
    lowest = torch.finfo(q.dtype).min
    masks = (each.clamp(min=lowest).to(q.dtype) for each in (layout.beginning_mask, layout.row_mask))
    first = inner(module, q, k, v, next(masks), **options)[0]
    rest = inner(module, rows_q, rows_k, rows_v, next(masks), **options)[0]
    return torch.cat([first, rest.flatten(0, 1)[None]], dim=1), None


def _part(states: torch.Tensor, layout: Layout) -> tuple[torch.Tensor, torch.Tensor]:
    """Part 1 x heads x tokens x size into those of the beginning and rows x heads x length x size."""
    rows = states[0, :, layout.beginning :].unflatten(1, (layout.rows, layout.length)).transpose(0, 1)
    return states[:, :, : layout.beginning], rows


def _attend_plainly(module: Any, *states: Any, **options: Any) -> Any:
    layout, scale = _LAYOUT.get(), options.get("scaling")
    unusual = options.get("dropout") or any(options.get(name) is not None for name in ("softcap", "s_aux"))
    if layout is not None and scale and not unusual:
        query, key, value = states[:3]
        return attend(query, key, value, layout, scale), None
    own = sys.modules[type(module).__module__].eager_attention_forward  # each architecture has its own
    return _attend(own, module, *states, **options)


def _attend_fused(module: Any, *states: Any, **options: Any) -> Any:
    return _attend(ALL_ATTENTION_FUNCTIONS["sdpa"], module, *states, **options)


for _name, _attention in (("eager", _attend_plainly), ("sdpa", _attend_fused)):
    AttentionInterface.register(f"one_pass_{_name}", _attention)
    AttentionMaskInterface.register(f"one_pass_{_name}", ALL_MASK_ATTENTION_FUNCTIONS[_name])
