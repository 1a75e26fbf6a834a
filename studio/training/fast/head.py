"""How likely learnt tokens are, the output head applied to a few of them at a time: never all logits in memory at once.

With a vocabulary of 128,000 words the logits of a thousand tokens, their softmax and its way back take 1.6 GB; pieces
of them a fifth of that, however many tokens there are. The slope of a likelihood hangs on nothing but its own logits,
so it is made on the way forth, and the way back multiplies it by what the loss makes of it. The sums are those of 32
bits. (The idea is that of Liger's fused loss, Hsu et al. 2024, arXiv:2410.10989; here for any objective.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import linear

from studio.estimates.memory import MOST_LOGITS
from studio.foreign import Original
from studio.models.wide import WideLinear, find_width

READ_FROM = (Original("torch.nn.Linear.forward", "2.13.0", "601ba6d5a64d"),)
_LIFTED = 256.0
"""In fp16 the slope of an unlikely word is nothing; so much larger it is something, and no sum outgrows fp16."""


class OpenHead:
    """Takes the place of a head's forward: what would go into the head comes out instead."""

    def __init__(self, head: Any) -> None:
        self.head = head
        self.width: torch.dtype = head.weight.dtype

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return what the head was given, and note what it would be multiplied in."""
        self.width = find_width(hidden)
        return hidden

    def find_likelihood(self, hidden: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihood, in 32 bits, of the tokens `wanted` (n) after what the head read (n x width)."""
        found: torch.Tensor = _Likelihood.apply(hidden, self.head.weight, self.head.bias, wanted, self.width)
        return found


@contextmanager
def open_head(model: Any) -> Iterator[OpenHead]:
    """Let a model answer what its head reads. Raises ValueError where that is no plain linear layer."""
    head = getattr(model, "get_base_model", lambda: model)().get_output_embeddings()
    if type(head) not in (torch.nn.Linear, WideLinear) or "forward" in vars(head):
        raise ValueError(f"the output head is a {type(head).__name__}")
    opened = OpenHead(head)
    head.forward = opened
    try:
        yield opened
    finally:
        del head.forward


class _Likelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        wanted: torch.Tensor,
        to: torch.dtype,
    ) -> torch.Tensor:
        rows, matrix = hidden.to(to), weight.detach().to(to)
        added = None if bias is None else bias.detach().to(to)
        lift = _LIFTED if to == torch.float16 else 1.0
        tokens = torch.empty(len(rows), device=rows.device)
        slope = torch.empty_like(rows) if ctx.needs_input_grad[0] else None
        for part in _cut(len(rows), len(weight)):
            slopes = _fill(tokens[part], linear(rows[part], matrix, added), wanted[part], slope is not None)
            if slope is not None:
                slope[part] = slopes.mul_(lift).to(to) @ matrix
        trains = any(ctx.needs_input_grad[1:3])
        ctx.save_for_backward(slope, wanted, *((rows, weight, bias) if trains else (None, None, None)))
        ctx.lift, ctx.to, ctx.kind = lift, to, hidden.dtype
        return tokens

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (grad,) = grads
        slope, wanted, rows, weight, bias = ctx.saved_tensors
        of_hidden = None if slope is None else (slope.float() * (grad / ctx.lift)[:, None]).to(ctx.kind)
        if weight is None:
            return of_hidden, None, None, None, None
        of_weight = torch.zeros(weight.shape, device=weight.device)
        of_bias = None if bias is None else torch.zeros(bias.shape, device=bias.device)
        matrix, added = weight.detach().to(ctx.to), None if bias is None else bias.detach().to(ctx.to)
        for part in _cut(len(rows), len(weight)):
            logits = linear(rows[part], matrix, added)
            slopes = _fill(torch.empty(len(logits), device=grad.device), logits, wanted[part], True)
            slopes.mul_(grad[part, None])
            of_weight += (slopes.to(ctx.to).T @ rows[part]).float()
            if of_bias is not None:
                of_bias += slopes.sum(dim=0)
        return (
            of_hidden,
            of_weight.to(weight.dtype),
            None if of_bias is None else of_bias.to(bias.dtype),
            None,
            None,
        )


def _fill(tokens: torch.Tensor, logits: torch.Tensor, wanted: torch.Tensor, slopes: bool) -> torch.Tensor:
    """Write how likely the tokens are; return their slopes by the logits (n x vocabulary), in the logits' own place."""
    values = logits.float()
    whole = values.logsumexp(dim=-1)
    tokens.copy_(values.gather(1, wanted[:, None])[:, 0] - whole)
    if not slopes:
        return values
    values.sub_(whole[:, None]).exp_().neg_()
    return values.scatter_add_(1, wanted[:, None], torch.ones_like(whole)[:, None])


def _cut(rows: int, words: int) -> Iterator[slice]:
    """Pieces of the rows whose logits may be in memory at once."""
    each = max(1, MOST_LOGITS // words)
    return (slice(first, first + each) for first in range(0, rows, each))
