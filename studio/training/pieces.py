"""A batch read in pieces whose gradients are those of the whole: only one piece is in memory at a time.

Each is read twice: first for what comes out alone, and once more when it is known what the loss makes of all of them
(Gao et al. 2021, arXiv:2101.06983). Chance falls the second time as it did the first.
"""

from collections.abc import Callable
from typing import Any

import torch

Batch = dict[str, Any]
_BY_ROW = ("input_ids", "labels", "attention_mask", "position_ids", "lengths")


def cut_rows(batch: Batch, most: int) -> list[Batch]:
    """Return a batch in pieces of at most `most` rows (0: whole), each a batch of its own."""
    rows, length = batch["input_ids"].shape
    if not 0 < most < rows:
        return [batch]
    return [_cut(batch, first, min(first + most, rows), length) for first in range(0, rows, most)]


def _cut(batch: Batch, first: int, last: int, length: int) -> Batch:
    owners = batch["learnt"] // length
    mine = batch["learnt"][(owners >= first) & (owners < last)] - first * length
    return {**batch, **{name: batch[name][first:last] for name in _BY_ROW if name in batch}, "learnt": mine}


def read_in_pieces(read: Callable[[Batch], torch.Tensor], pieces: list[Batch]) -> torch.Tensor:
    """Return what `read` finds of the pieces (rows x width), one after the other."""
    if len(pieces) == 1:
        return read(pieces[0])
    asks = torch.zeros((), requires_grad=True)  # else nobody would come back for the gradients
    found: torch.Tensor = _InPieces.apply(read, pieces, asks)
    return found


class _InPieces(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, read: Callable[[Batch], torch.Tensor], pieces: list[Batch], asks: torch.Tensor) -> Any:
        ctx.read, ctx.pieces, ctx.chance, found = read, pieces, [], []
        kind = pieces[0]["input_ids"].device.type
        ctx.autocast = (kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))
        for piece in pieces:
            ctx.chance.append((torch.get_rng_state(), torch.cuda.get_rng_state() if kind == "cuda" else None))
            found.append(read(piece))
        ctx.counts = [len(one) for one in found]
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        kind, dtype, is_on = ctx.autocast
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if kind == "cuda" else []):
            for piece, chance, grad in zip(ctx.pieces, ctx.chance, grads[0].split(ctx.counts), strict=True):
                torch.set_rng_state(chance[0])
                if chance[1] is not None:
                    torch.cuda.set_rng_state(chance[1])
                with torch.enable_grad(), torch.autocast(kind, dtype=dtype, enabled=is_on):
                    found = ctx.read(piece)
                found.backward(grad)
        return None, None, None
