"""Batches without waste: rows of like length, padded on the left, their common beginning read once.

Padded on the left, answers end together, so the output head reads only the last positions: for a small model with a
large vocabulary that is most of the work. And the rows of an instruction task all begin with the same words, its
definition and examples: those stand once in a batch (studio.runs.one_pass).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy, pad
from torch.utils.data import Dataset, Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from studio.objectives.objective import Row, count_shared
from studio.runs.one_pass import read_in_one_pass, use_one_pass

ROUNDING = {"float32": 1e-3}
MORE_ROUNDING = 0.05
"""How far rounding, in 32 bits and in fewer, may move the logits when the beginning is read once, relative to them."""


class RowDataset(Dataset):
    """Rows as the dictionaries that Trainer groups by length."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, list[int]]:
        return {"input_ids": self.rows[place].input_ids, "labels": self.rows[place].labels}


class LengthSampler(Sampler):
    """The order of an epoch's rows: shuffled, then rows of like length together.

    It hangs on the seed and the number of the epoch alone (transformers' own draws from the random numbers that the
    dropout uses, too), so a training that goes on in the middle of any epoch meets the same batches.
    """

    def __init__(self, rows: RowDataset, group: int, seed: int) -> None:
        self.lengths, self.group, self.seed = [len(row.input_ids) for row in rows.rows], group, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that is read next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        dice = torch.Generator().manual_seed((self.seed << 20) + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.group, generator=dice))


class Batcher:
    """Pads rows on the left to the longest one.

    Returns input_ids, attention_mask, position_ids, labels, each batch x length; logits_to_keep, the last places that
    predict something learnt; and learnt, those places themselves, counted through batch x length: here on the processor
    it costs nothing to find them, and a graphics card would have to be waited for. Where `shares` and the rows have a
    common beginning of n tokens, that is left out of them and given as prefix_ids, 1 x n.
    """

    def __init__(self, pad_id: int, shares: bool = False) -> None:
        self.pad_id, self.shares = pad_id, shares

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        """Return one batch of tensors."""
        shared = count_shared([Row(**row) for row in rows]) if self.shares else 0
        longest = max(len(row["input_ids"]) for row in rows) - shared
        ids = torch.stack([_left(row["input_ids"][shared:], longest, self.pad_id) for row in rows])
        labels = torch.stack([_left(row["labels"][shared:], longest, -100) for row in rows])
        mask = torch.stack([_left([1] * (len(row["input_ids"]) - shared), longest, 0) for row in rows])
        predicts = pad(labels[:, 1:] != -100, (0, 1), value=False)
        learnt = predicts.flatten().nonzero().flatten()
        first = int((learnt % longest).min()) if len(learnt) else longest - 2
        batch = {
            "input_ids": ids,
            "attention_mask": mask,
            "position_ids": (mask.cumsum(-1) - 1).clamp(min=0) + shared,
            "labels": labels,
            "logits_to_keep": longest - max(0, first),
            "learnt": learnt,
        }
        if shared:
            batch["prefix_ids"] = torch.tensor([rows[0]["input_ids"][:shared]])
            batch["attention_mask"] = pad(mask, (shared, 0), value=1)
        return batch


class Loss(NamedTuple):
    """Cross-entropy summed over the learnt positions of a batch, in nats, and how many there are."""

    total: torch.Tensor
    learnt: torch.Tensor


def sum_loss(model: Any, batch: dict[str, Any]) -> Loss:
    """Return the loss of a batch, its shared beginning read once."""
    logits, wanted = read_learnt(model, batch)
    count = torch.full((), len(wanted), device=wanted.device)  # made there: a copy would wait for what is computed
    return Loss(cross_entropy(logits.float(), wanted, reduction="sum"), count)


def read_learnt(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that predict each learnt token (learnt x vocabulary), and the tokens (learnt)."""
    if "prefix_ids" in batch:
        return read_in_one_pass(model, batch)
    inputs = {name: value for name, value in batch.items() if name not in ("labels", "learnt")}
    keep, longest, learnt = batch["logits_to_keep"], batch["input_ids"].shape[1], batch["learnt"]
    inputs["logits_to_keep"] = torch.arange(-keep, 0, device=learnt.device)  # a number would let it copy the head
    logits = model(**inputs, use_cache=False).logits[:, -keep:]
    return logits[learnt // longest, learnt % longest + keep - longest], batch["labels"].flatten()[learnt + 1]


def try_sharing(model: Any, batcher: Batcher, rows: list[Row]) -> bool:
    """Let the batcher share beginnings if that gives this model's very logits: tried on a few rows, not believed.

    Changes the model's attention if so, and nothing otherwise; returns whether it does.
    """
    by_length = sorted(rows, key=lambda row: len(row.input_ids))
    few = [{"input_ids": row.input_ids, "labels": row.labels} for row in [*by_length[:2], *by_length[-2:]]]
    training, attention = model.training, None
    model.eval()
    try:
        with torch.no_grad():
            whole = read_learnt(model, _to_device(Batcher(batcher.pad_id)(few), model))[0]
            attention = use_one_pass(model)
            shared = read_learnt(model, _to_device(Batcher(batcher.pad_id, shares=True)(few), model))[0]
        spread = (whole - whole.mean(dim=-1, keepdim=True)).norm()
        rounding = ROUNDING.get(str(model.dtype).removeprefix("torch."), MORE_ROUNDING)
        batcher.shares = bool((whole - shared).norm() <= rounding * spread)
    except (AttributeError, TypeError, ValueError, RuntimeError, IndexError, KeyError, NotImplementedError):
        batcher.shares = False  # an attention, or a method, that can't read it so
    finally:
        model.train(training)
        if attention and not batcher.shares:
            model.set_attn_implementation(attention)
    return batcher.shares


def _to_device(batch: dict[str, Any], model: Any) -> dict[str, Any]:
    return {name: value.to(model.device) if hasattr(value, "to") else value for name, value in batch.items()}


def _left(values: list[int], length: int, filler: int) -> torch.Tensor:
    return pad(torch.tensor(values), (length - len(values), 0), value=filler)
