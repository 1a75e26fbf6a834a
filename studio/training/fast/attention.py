"""Attention over rows that share a beginning, forth and back as one operation.

softmax(scale Q K^T + mask) V, as every architecture's own eager function computes it by some fifteen operations for
the beginning and as many for the rows, each with a step back of its own: on a processor and with short rows, calling
these costs more than the products. Heads that share their keys (grouped-query attention, Ainslie et al. 2023,
arXiv:2305.13245) are read as longer rows, so that nothing is repeated.
"""

from typing import Any, NamedTuple

import torch

from studio.foreign import Original
from studio.models.wide import find_width

READ_FROM = (
    Original("transformers.models.llama.modeling_llama.eager_attention_forward", "5.23.0", "d425c745e98f"),
    Original("torch.nn.functional.softmax", "2.13.0", "5b527f5a05a7"),
)


class Masks(NamedTuple):
    """What is added to the scores of the beginning and of the rows, in 32 bits."""

    beginning: torch.Tensor  # 1 x 1 x beginning x beginning
    rows: torch.Tensor  # rows x 1 x length x (beginning + length)


class Layout(NamedTuple):
    """Where beginning and rows are in the sequence, and at which places something is learnt.

    There are no masks where rows are filled up on the right: each token sees all before it, nobody sees the filling.
    """

    beginning: int
    rows: int
    length: int
    masks: Masks | None
    learnt: torch.Tensor | None = None  # through beginning + rows x length

    @property
    def size(self) -> int:
        """Tokens of the sequence."""
        return self.beginning + self.rows * self.length


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: Layout, scale: float) -> torch.Tensor:
    """Return what is attended to, 1 x tokens x heads x size, for states of 1 x heads x tokens x size."""
    found: torch.Tensor = _Attention.apply(query, key, value, layout, scale, find_width(query))
    return found


def make_masks(real: torch.Tensor, beginning: int) -> Masks:
    """Return the masks of rows after a beginning; `real` (rows x length) is 0 where a row is filled up."""
    never, own = torch.finfo(torch.float32).min, real.bool()
    rows, length = own.shape
    first = torch.full((beginning, beginning), never, device=real.device).triu(1)
    seen = torch.ones(length, length, dtype=torch.bool, device=real.device).tril() & own[:, None]
    before = torch.zeros(rows, length, beginning, device=real.device)
    return Masks(first[None, None], torch.cat([before, (~seen).float() * never], dim=2)[:, None])


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        layout: Layout,
        scale: float,
        to: torch.dtype,
    ) -> torch.Tensor:
        ctx.types = query.dtype, key.dtype, value.dtype
        q, k, v = query[0].to(to), key[0].to(to), value[0].to(to)
        groups = q.shape[0] // k.shape[0]
        q0, q1 = _part(q, layout, groups)
        k0, k1 = _part(k, layout)
        v0, v1 = _part(v, layout)
        k1, v1 = _lead(k0, k1, layout), _lead(v0, v1, layout)
        masks = layout.masks or make_masks(torch.ones(layout.rows, layout.length, device=q.device), layout.beginning)
        p0 = _weigh(q0, k0, masks.beginning, groups, scale)
        p1 = _weigh(q1, k1, masks.rows, groups, scale)
        out = torch.empty(1, q.shape[1], *q.shape[::2], dtype=to, device=q.device)
        _join(out[0].transpose(0, 1), p0 @ v0, p1 @ v1, layout, groups)
        ctx.save_for_backward(q0, k0, v0, p0, q1, k1, v1, p1)
        ctx.layout, ctx.scale, ctx.groups, ctx.to = layout, scale, groups, to
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        q0, k0, v0, p0, q1, k1, v1, p1 = ctx.saved_tensors
        layout, groups, heads = ctx.layout, ctx.groups, k0.shape[0]  # what is saved may be looked at once
        g0, g1 = _part(grads[0][0].transpose(0, 1).to(ctx.to), layout, groups)
        of_q0, of_k0, of_v0 = _go_back(g0, q0, k0, v0, p0, ctx.scale)
        of_q1, of_k1, of_v1 = _go_back(g1, q1, k1, v1, p1, ctx.scale)
        tokens, size = layout.size, q0.shape[-1]
        of_q, of_k, of_v = (
            torch.empty(1, count, tokens, size, dtype=ctx.to, device=q0.device)
            for count in (heads * groups, heads, heads)
        )
        _join(of_q[0], of_q0, of_q1, layout, groups)
        for whole, first, rest in ((of_k, of_k0, of_k1), (of_v, of_v0, of_v1)):
            led = rest.view(layout.rows, heads, -1, size)
            first += led[:, :, : layout.beginning].sum(dim=0)
            _join(whole[0], first, led[:, :, layout.beginning :], layout)
        return *(found.to(kind) for found, kind in zip((of_q, of_k, of_v), ctx.types, strict=True)), None, None, None


def _part(states: torch.Tensor, layout: Layout, groups: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Part heads x tokens x size into (heads / groups) x (groups * beginning) x size and, row after row, the rows."""
    heads, _, size = states.shape
    first = states[:, : layout.beginning].reshape(heads // groups, groups * layout.beginning, size)
    rows = states[:, layout.beginning :].unflatten(1, (layout.rows, layout.length)).transpose(0, 1)
    return first, rows.reshape(layout.rows * heads // groups, groups * layout.length, size)


def _lead(first: torch.Tensor, rows: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Put the beginning before each row."""
    heads, begun, size = first.shape
    led = first.new_empty(layout.rows, heads, begun + layout.length, size)
    led[:, :, :begun] = first
    led[:, :, begun:] = rows.view(layout.rows, heads, layout.length, size)
    return led.view(layout.rows * heads, begun + layout.length, size)


def _join(whole: torch.Tensor, first: torch.Tensor, rows: torch.Tensor, layout: Layout, groups: int = 1) -> None:
    """Write the two parts into heads x tokens x size: `_part` the other way round."""
    heads, _, size = whole.shape
    whole[:, : layout.beginning] = first.reshape(heads, layout.beginning, size)
    rest = whole[:, layout.beginning :].unflatten(1, (layout.rows, layout.length))
    rest.copy_(rows.reshape(layout.rows, heads, layout.length, size).transpose(0, 1))


def _weigh(q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor, groups: int, scale: float) -> torch.Tensor:
    """Return the weights, softmax(scale q k^T + mask); mask is rows x 1 x length x keys, and holds for all heads."""
    rows, _, length, keys = mask.shape
    scores = (q @ k.transpose(1, 2)).mul_(scale).view(rows, -1, length, keys)
    scores += mask.clamp(min=torch.finfo(q.dtype).min).to(q.dtype)
    return scores.softmax(dim=-1).view(q.shape[0], groups * length, keys)


def _go_back(
    grad: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, p: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of q, k and v of one part."""
    of_v = p.transpose(1, 2) @ grad
    of_scores = torch._softmax_backward_data(grad @ v.transpose(1, 2), p, -1, p.dtype).mul_(scale)
    return of_scores @ k, of_scores.transpose(1, 2) @ q, of_v
