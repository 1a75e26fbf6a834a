"""Batches without waste: rows of like length, padded on the left, their common beginning read once.

Padded on the left, answers end together, so the output head reads only the last positions: for a small model with a
large vocabulary that is most of the work. And the rows of an instruction task all begin with the same words, its
definition and examples: those come once in a batch (studio.training.fast.one_pass). Models that padding on the left
confuses get it on the right, where no token ever looks, or read one row at a time: studio.training.trial finds out.
The rows of one example are always in one batch. Those of an objective that packs share lines: each is read from
position 0, and transformers lets none see another where positions begin at 0 again and there is no mask.
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch.nn.functional import cross_entropy, nll_loss, pad
from torch.utils.data import Dataset, Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from studio.models.forward import call_model
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.objective import Example, Row, count_shared, list_rows, longest_row
from studio.training.fast.head import open_head
from studio.training.fast.one_pass import read_in_one_pass
from studio.training.fast.unpacked import never_packed

Padding = Literal["left", "right", "alone", "packed"]
"""Where the shorter rows of a batch are filled up; alone: each row is read by itself, as long as it is; packed: rows
come one after the other in lines."""


class ExampleDataset(Dataset):
    """Examples, each with how likely its rows were before the first step (examples x rows each), if that is needed."""

    def __init__(self, examples: list[Example], reference: torch.Tensor | None = None) -> None:
        self.examples, self.reference = examples, reference

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> tuple[Example, torch.Tensor | None]:
        return self.examples[place], None if self.reference is None else self.reference[place]


class LengthSampler(Sampler):
    """The order of an epoch's examples: shuffled, then those of like length together.

    It hangs on the seed and the number of the epoch alone (transformers' own draws from the random numbers that the
    dropout uses, too), so a training that goes on in the middle of any epoch meets the same batches.
    """

    def __init__(self, examples: list[Example], group: int, seed: int) -> None:
        self.lengths, self.group, self.seed = list(map(longest_row, examples)), group, seed
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
    """Makes one batch of rows.

    Returns input_ids and labels, each batch x length, and learnt, the places that predict something learnt, counted
    through batch x length: here on the processor it costs nothing to find them, and a graphics card would have to be
    waited for. Padded on the left, also attention_mask and position_ids, and logits_to_keep, the last places that
    predict something learnt. To be read alone, also lengths. Where at most `shared` tokens may be shared and the rows
    have a common beginning of n tokens, that is left out of them and given as prefix_ids, 1 x n. Where `in_pieces` is
    set, the batch says so: its logits must never be in memory at once (studio.training.fast.head). Packed, lines of at
    most `line` tokens take the place of rows.
    """

    def __init__(self, pad_id: int, shared: int = 0, padding: Padding = "left") -> None:
        self.pad_id, self.shared, self.padding = pad_id, shared, padding
        self.in_pieces, self.line = False, 0

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        """Return one batch of tensors."""
        if self.padding == "packed":
            return self._pack(rows)
        shared = (
            min(self.shared, count_shared([Row(row["input_ids"], row["labels"]) for row in rows])) if self.shared else 0
        )
        longest = max(len(row["input_ids"]) for row in rows) - shared
        fill = _fill_left if self.padding == "left" else _fill_right
        ids = torch.stack([fill(row["input_ids"][shared:], longest, self.pad_id) for row in rows])
        # Nothing comes before a first token that could predict it, least of all padding.
        labels = torch.stack([fill([-100, *row["labels"][shared + 1 :]], longest, -100) for row in rows])
        predicts = pad(labels[:, 1:] != -100, (0, 1), value=False)
        learnt = predicts.flatten().nonzero().flatten()
        batch = {"input_ids": ids, "labels": labels, "learnt": learnt}
        batch |= {"in_pieces": True} if self.in_pieces else {}
        if self.padding == "alone":
            return {**batch, "lengths": torch.tensor([len(row["input_ids"]) for row in rows])}
        if self.padding == "right":
            if shared:
                batch["position_ids"] = torch.arange(shared, shared + longest).repeat(len(rows), 1)
            return {**batch, "prefix_ids": torch.tensor([rows[0]["input_ids"][:shared]])} if shared else batch
        mask = torch.stack([_fill_left([1] * (len(row["input_ids"]) - shared), longest, 0) for row in rows])
        first = int((learnt % longest).min()) if len(learnt) else longest - 2
        batch["attention_mask"] = pad(mask, (shared, 0), value=1)
        batch["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0) + shared
        batch["logits_to_keep"] = longest - max(0, first)
        return {**batch, "prefix_ids": torch.tensor([rows[0]["input_ids"][:shared]])} if shared else batch

    def _pack(self, rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        """Rows in lines, in their order; what fills a line up is one row more, of which nothing is learnt."""
        lines: list[list[dict[str, list[int]]]] = []
        room = 0
        for row in rows:
            size = len(row["input_ids"])
            if size > room:
                lines.append([])
                room = max(self.line, size)
            lines[-1].append(row)
            room -= size
        longest = max(sum(len(row["input_ids"]) for row in line) for line in lines)
        ids, labels, places = [], [], []
        for line in lines:
            read = [token for row in line for token in row["input_ids"]]
            wanted = [label for row in line for label in (-100, *row["labels"][1:])]
            counted = [place for row in line for place in range(len(row["input_ids"]))]
            ids.append(_fill_right(read, longest, self.pad_id))
            labels.append(_fill_right(wanted, longest, -100))
            places.append(torch.tensor([*counted, *range(longest - len(read))]))
        learnt = pad(torch.stack(labels)[:, 1:] != -100, (0, 1), value=False).flatten().nonzero().flatten()
        batch = {"input_ids": torch.stack(ids), "labels": torch.stack(labels), "learnt": learnt}
        return {**batch, "position_ids": torch.stack(places), **({"in_pieces": True} if self.in_pieces else {})}


class ExampleBatcher:
    """Makes one batch of examples: that of all their rows, with what their objective wants to know of them.

    Beside what Batcher returns: rows_each, marks (rows) and, where there is one, the reference (rows) in nats.
    """

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher

    def __call__(self, items: list[tuple[Example, torch.Tensor | None]]) -> dict[str, Any]:
        """Return one batch of tensors."""
        rows = list_rows(example for example, _ in items)
        batch = self.batcher([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
        batch |= {"rows_each": len(items[0][0]), "marks": torch.tensor([row.mark for row in rows])}
        reference = [known for _, known in items if known is not None]
        return {**batch, "reference": torch.cat(reference)} if reference else batch


def look_at(batch: dict[str, Any]) -> Batch:
    """Return what an objective may know of a batch of examples."""
    return Batch(batch["rows_each"], batch["marks"], batch.get("reference"))


def read_logprobs(model: Any, batch: dict[str, Any]) -> LogProbs:
    """Return how likely each learnt token of a batch is, its shared beginning read once."""
    if batch.get("in_pieces"):
        with open_head(model) as head:
            hidden, wanted = read_learnt(model, batch)
        tokens = head.find_likelihood(hidden, wanted)
    else:
        logits, wanted = read_learnt(model, batch)
        tokens = -cross_entropy(logits.float(), wanted, reduction="none")
    return LogProbs(tokens, batch["learnt"], *batch["input_ids"].shape)


def add_up(losses: torch.Tensor) -> torch.Tensor:
    """Return the sum of losses, added in the order in which torch adds those of a cross-entropy.

    So the mean over tokens is, to the last bit, the one that torch's own mean cross-entropy is.
    """
    return nll_loss(-losses[:, None], losses.new_zeros(len(losses), dtype=torch.long), reduction="sum")


def read_learnt(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that predict each learnt token (learnt x vocabulary), and the tokens (learnt)."""
    if "prefix_ids" in batch:
        return read_in_one_pass(model, batch)
    ids, learnt, longest = batch["input_ids"], batch["learnt"], batch["input_ids"].shape[1]
    wanted = batch["labels"].flatten()[learnt + 1]
    if "lengths" in batch:
        alone = [
            _read(model, input_ids=ids[row : row + 1, :length]) for row, length in enumerate(batch["lengths"].tolist())
        ]
        return torch.cat([one[0, learnt[learnt // longest == row] % longest] for row, one in enumerate(alone)]), wanted
    if "attention_mask" not in batch:
        if "position_ids" not in batch:
            return _read(model, input_ids=ids).flatten(0, 1)[learnt], wanted
        packed: torch.Tensor = call_model(
            model, input_ids=ids, position_ids=batch["position_ids"], use_cache=False
        ).logits
        return packed.flatten(0, 1)[learnt], wanted
    keep = batch["logits_to_keep"]
    logits = _read(
        model,
        input_ids=ids,
        attention_mask=batch["attention_mask"],
        position_ids=batch["position_ids"],
        logits_to_keep=torch.arange(-keep, 0, device=ids.device),  # a number would let it copy the head
    )[:, -keep:]
    return logits[learnt // longest, learnt % longest + keep - longest], wanted


def _read(model: Any, **inputs: Any) -> torch.Tensor:
    with never_packed():
        logits: torch.Tensor = call_model(model, **inputs, use_cache=False).logits
    return logits


def _fill_left(values: list[int], length: int, filler: int) -> torch.Tensor:
    return pad(torch.tensor(values), (length - len(values), 0), value=filler)


def _fill_right(values: list[int], length: int, filler: int) -> torch.Tensor:
    return pad(torch.tensor(values), (0, length - len(values)), value=filler)
