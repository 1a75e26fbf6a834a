"""Which fast paths a run may use: each is tried on a few of the run's own rows, and used where it changes nothing.

The truth is each row read alone and unpadded, with everything plain. A path is used only where the trial exercised it
(rows that really share a beginning, of really different lengths, the longest of the run among them, so that every
window is met) and found the truth's logits and gradients. Knows nothing of events: what was tried is returned.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from studio.errors import ModelError, first_line
from studio.estimates.memory import MOST_LOGITS as MOST_AT_ONCE
from studio.models.device import is_out_of_memory
from studio.objectives.objective import SHORTEST_SHARED, Row, count_shared
from studio.training.batch import Batcher, Padding, read_learnt, read_logprobs
from studio.training.fast.checkpointing import leave_chance_out
from studio.training.fast.fused_lora import fuse_lora, part_lora
from studio.training.fast.kernels import has_kernels, leave_kernels, use_kernels
from studio.training.fast.one_pass import leave_one_pass, use_one_pass

ONCE, NARROWED = "the common beginning is read once", "the last block writes only where something is learnt"
LEFT, RIGHT = "rows are padded on the left", "rows are padded on the right"
PACKED = "rows share lines, and none sees another"
PIECES = "the output head is applied piece by piece"
FUSED = "LoRA's layers are one operation"
KERNELS = "norms and gated layers are Liger's kernels"
ROUNDING = {"float32": 1e-3}
MORE_ROUNDING = 0.05
"""How far rounding, in 32 bits and in fewer, may move logits, relative to them; gradients by four times as much."""
FEW, MANY = 2, 8
"""Rows of a trial, and of one that has found something else already: what chooses among near equals may hide it."""
PACKED_ROWS = 3
"""Rows that share a line in a trial: one begins, one stands between, one ends."""
MOST_LOGITS = 20_000_000
"""So many numbers are looked at in one trial."""
COLUMNS = 64
"""Of a vocabulary, so many columns of the logits are compared, beside the likelihood of each learnt token."""


class Tried(NamedTuple):
    """A fast path in words, whether it is used, and why it is not."""

    way: str
    used: bool
    why: str = ""


class Reading(NamedTuple):
    """What reading a few rows gave: logits at the learnt places, and the gradient of each weight that trains."""

    logits: torch.Tensor
    gradients: list[torch.Tensor]


class Trial:
    """A model and a few of its run's rows, read in one way after the other.

    `half` is what the run computes in, if in fewer than 32 bits. `batcher` and `model` are left with what is right.
    """

    def __init__(
        self,
        model: Any,
        batcher: Batcher,
        rows: list[Row],
        half: torch.dtype | None = None,
        at_once: int = MANY,
        on_card: bool = False,
    ) -> None:
        """`at_once` rows are in a batch of the run: more are never read together, for there may be no room for them."""
        self.model, self.batcher, self.half = model, batcher, half
        self.all, self.at_once, self.on_card = rows, at_once, on_card
        self.rows = thin_out(pick_rows(rows, min(FEW, at_once)), self._vocabulary)
        self.weights = [value for value in model.parameters() if value.requires_grad]
        self.shared = count_shared([Row(row["input_ids"], row["labels"]) for row in self.rows]) if at_once > 1 else 0
        self.attention, self.narrows = "", False
        self._always = half if half and model.dtype.itemsize == 2 else None  # beside it, what trains has 32 bits
        self.rounding = ROUNDING.get(str(model.dtype).removeprefix("torch."), MORE_ROUNDING)

    def choose(self, shares: bool = True, keep_copies: bool = True) -> list[Tried]:
        """Try everything and return what was tried; `shares` says whether beginnings may be read once at all.

        Raises ModelError in words for a model that can't read a row in training.
        """
        training = self.model.training
        with _stirred(self.weights), torch.random.fork_rng():
            try:
                self._choose_mode()
                tried = [*self._choose_padding()]
                try:
                    truth = self._read(self.batcher)
                except Exception as error:
                    if is_out_of_memory(error):
                        raise
                    return tried  # which say why nothing can be compared
                if not truth.logits.isfinite().all():
                    return [Tried(LEFT, True), Tried(ONCE, False, "what the model says is no number")]
                plain = self._read(self.batcher, self.half) if self.half else truth
                fused = self._fuse(keep_copies) if self.half else None
                tried += self._choose_sharing(truth) if shares else ()
                tried += [] if fused is None else [self._check_fused(truth, plain, fused)]
                tried += [self._choose_kernels(truth, plain)] if self.on_card else []
                return [*tried, *self._choose_pieces()]
            finally:
                self.model.train(training)

    def _choose_mode(self) -> None:
        """Read as in training, unless chance has a part in that."""
        self.model.train()
        try:
            first, second = (self._read(Batcher(self.batcher.pad_id, padding="alone"), place=0) for _ in range(2))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise ModelError(
                f"This model can't read a training example ({first_line(error)}). Choose another model.", field="model"
            ) from error
        if not torch.equal(first.logits, second.logits):
            leave_chance_out(self.model)

    def _choose_padding(self) -> Iterator[Tried]:
        """Take the first way to fill up rows that gives the truth everywhere in them; else they are read one by one."""
        ways: tuple[tuple[str, Padding, int], ...] = ((LEFT, "left", FEW), (RIGHT, "right", MANY))
        if self._skips_masks:
            ways = ((RIGHT, "right", FEW), (LEFT, "left", MANY))
        if self.batcher.line:
            ways = ((PACKED, "packed", PACKED_ROWS), *ways)
        learnt, line = self.rows, self.batcher.line
        try:
            for path, padding, count in ways:
                self.batcher.padding = padding
                self.rows = learn_everywhere(pick_rows(self.all, min(count, self.at_once)), self._vocabulary)
                self.batcher.line = sum(len(row["input_ids"]) for row in self.rows)  # so that all of them share one
                why = self._compare(self._read_alone())
                self.batcher.line = line
                yield Tried(path, not why, why)
                if not why:
                    return
            self.batcher.padding = "alone"
        except Exception as error:  # read otherwise than in training, by chance, it has no gradients
            if is_out_of_memory(error):
                raise
            self.batcher.padding = "alone"
            yield Tried(LEFT, False, _tell(error))
        finally:
            self.rows = learnt

    @property
    def _skips_masks(self) -> bool:
        """Whether a card's kernels pass over what nobody sees: they do where no mask of padding is in their way."""
        return self.on_card and str(self.model.config.get_text_config()._attn_implementation) == "sdpa"

    @property
    def _vocabulary(self) -> int:
        return int(self.model.get_input_embeddings().weight.shape[0])

    def _choose_sharing(self, truth: Reading) -> Iterator[Tried]:
        """Read beginnings once where that gives the truth, up to as many tokens as the rows share."""
        if not self.shared or self.batcher.padding != ("right" if self._skips_masks else "left"):
            why = "the rows have no common beginning" if not self.shared else "rows can't be padded so"
            yield Tried(ONCE, False, why)
            return
        self.batcher.shared = self.shared
        for narrows in (True, False):
            why = self._use_one_pass(narrows) or self._compare(truth)
            if narrows:
                yield Tried(NARROWED, not why, why)
            if not why:
                yield Tried(ONCE, True)
                return
            self._leave_one_pass()
        self.batcher.shared = 0
        yield Tried(ONCE, False, why)

    def _fuse(self, keep_copies: bool) -> str | None:
        """Let LoRA's layers be one operation; return why they can't, None where there are none."""
        try:
            ids = torch.tensor([self.rows[0]["input_ids"]], device=self.model.device)
            return "" if fuse_lora(self.model, keep_copies, ids) else None
        except Exception as error:
            return _tell(error)

    def _check_fused(self, truth: Reading, plain: Reading, why: str) -> Tried:
        """Leave the layers fused if they are as near to the truth as peft's own in the same 16 bits."""
        if not why:
            try:
                found = self._read(self.batcher, self.half)
                most = [1.5 * distance + 0.02 for distance in _measure(truth, plain)]
                distances = _measure(truth, found)
                within = all(distance <= bound for distance, bound in zip(distances, most, strict=True))
                why = "" if within else f"moves the gradients by {100 * max(distances):.2g} %"
            except Exception as error:
                why = _tell(error)
            if why:
                narrows = self._leave_one_pass() if self.batcher.shared else False
                part_lora(self.model)
                if self.batcher.shared:
                    self._use_one_pass(narrows)
        return Tried(FUSED, not why, why)

    def _choose_kernels(self, truth: Reading, plain: Reading) -> Tried:
        """Take Liger's kernels where they are installed and as near to the truth as the model's own operations."""
        if not has_kernels():
            return Tried(KERNELS, False, "liger-kernel is not installed")
        try:
            count = use_kernels(self.model)
            found = self._read(self.batcher, self.half) if count else plain
            most = [1.5 * distance + 0.02 for distance in _measure(truth, plain)]
            near = all(distance <= bound for distance, bound in zip(_measure(truth, found), most, strict=True))
            why = "" if near and count else "moves the gradients" if count else "no part of the model is of their kind"
        except Exception as error:
            why = _tell(error)
        if why:
            leave_kernels(self.model)
        return Tried(KERNELS, not why, why)

    def _choose_pieces(self) -> Iterator[Tried]:
        """Apply the head piece by piece where the logits of a batch would take much room."""
        learnt = max(sum(label != -100 for label in row.labels) for row in self.all)
        if learnt * self.at_once * self._vocabulary <= MOST_AT_ONCE:
            return
        whole = self._read(self.batcher, self.half)
        self.batcher.in_pieces = True
        try:
            pieces = self._read(self.batcher, self.half)
            likelihood, gradients = _measure(whole._replace(logits=whole.logits[:, :1]), pieces)
            bound = MORE_ROUNDING if self.half else self.rounding
            why = "" if likelihood <= bound and gradients <= 4 * bound else "moves the gradients"
        except Exception as error:
            why = _tell(error)
        self.batcher.in_pieces = not why
        yield Tried(PIECES, not why, why)

    def _use_one_pass(self, narrows: bool) -> str:
        try:
            self.attention, self.narrows = use_one_pass(self.model, narrows), narrows
            return ""
        except (AttributeError, KeyError, ValueError, NotImplementedError) as error:
            self.attention = ""
            return _tell(error)

    def _leave_one_pass(self) -> bool:
        if self.attention:
            leave_one_pass(self.model, self.attention)
        return self.narrows

    def _compare(self, truth: Reading) -> str:
        """Read the rows as the batcher makes them now; return what is wrong with it, nothing if it is the truth."""
        try:
            found = self._read(self.batcher)
        except Exception as error:
            return _tell(error)
        logits, gradients = _measure(truth, found)
        if not logits <= self.rounding:
            return f"moves the logits by {100 * logits:.2g} %"
        return "" if gradients <= 4 * self.rounding else f"moves the gradients by {100 * gradients:.2g} %"

    def _read_alone(self) -> Reading:
        """Read the rows one after the other, so that never more than one is in memory."""
        alone = Batcher(self.batcher.pad_id, padding="alone")
        logits, gradients = [], [torch.zeros_like(value) for value in self.weights]
        for place in range(len(self.rows)):
            one = self._read(alone, place=place)
            logits.append(one.logits)
            gradients = [whole.add_(part) for whole, part in zip(gradients, one.gradients, strict=True)]
        return Reading(torch.cat(logits), gradients)

    def _read(self, batcher: Batcher, half: torch.dtype | None = None, place: int | None = None) -> Reading:
        """Read all rows, or the one at a place."""
        batch = self._to_device(batcher(self.rows if place is None else [self.rows[place]]))
        half = half or self._always
        narrow = torch.autocast(self.model.device.type, dtype=half) if half else nullcontext()
        if "in_pieces" in batch:
            with torch.enable_grad(), narrow:
                tokens = read_logprobs(self.model, batch).tokens
            gradients = torch.autograd.grad(-tokens.sum(), self.weights, materialize_grads=True)
            return Reading(tokens.detach()[:, None], list(gradients))
        with torch.enable_grad():
            with narrow:
                logits, wanted = read_learnt(self.model, batch)
            loss = cross_entropy(logits.float(), wanted, reduction="sum")
            gradients = torch.autograd.grad(loss, self.weights, materialize_grads=True)
        logits = logits.detach().float()
        likelihood = logits.log_softmax(dim=-1).gather(1, wanted[:, None])
        few = logits[:, :: max(1, logits.shape[1] // COLUMNS)]
        return Reading(torch.cat([likelihood, few], dim=1), list(gradients))

    def _to_device(self, batch: dict[str, Any]) -> dict[str, Any]:
        to = self.model.device
        return {name: value.to(to) if hasattr(value, "to") else value for name, value in batch.items()}


def learn_everywhere(rows: list[Row], vocabulary: int) -> list[dict[str, list[int]]]:
    """Return rows in which every token is learnt, or of very many every few: what differs anywhere is seen."""
    logits = sum(len(row.input_ids) for row in rows) * vocabulary
    each = 1 + logits // MOST_LOGITS
    return [
        {
            "input_ids": row.input_ids,
            "labels": [-100 if place % each else token for place, token in enumerate(row.input_ids)],
        }
        for row in rows
    ]


def thin_out(rows: list[Row], vocabulary: int) -> list[dict[str, list[int]]]:
    """Return the rows, of very many learnt tokens every few: the logits of a trial have to fit as well."""
    learnt = sum(label != -100 for row in rows for label in row.labels)
    each = 1 + learnt * vocabulary // MOST_LOGITS
    return [
        {
            "input_ids": row.input_ids,
            "labels": [label if place % each == 0 else -100 for place, label in _count_learnt(row)],
        }
        for row in rows
    ]


def _count_learnt(row: Row) -> Iterator[tuple[int, int]]:
    """Each label of a row, with how many learnt ones come after it: the last is always kept."""
    after, counted = 0, list[tuple[int, int]]()
    for label in reversed(row.labels):
        counted.append((after, label))
        after += label != -100
    return reversed(counted)


def pick_rows(rows: list[Row], most: int = FEW) -> list[Row]:
    """Return a few rows for a trial: the shortest and the longest, of those that begin alike where that tells more."""
    by_length = sorted(rows, key=lambda row: len(row.input_ids))
    few = _take_ends(by_length, most)
    beginning = by_length[-1].input_ids[:SHORTEST_SHARED]
    alike = _take_ends([row for row in by_length if row.input_ids[:SHORTEST_SHARED] == beginning], most)
    is_telling = count_shared(alike) and len({len(row.input_ids) for row in alike}) > 1
    return alike if is_telling and not count_shared(few) else few


def _take_ends(by_length: list[Row], most: int) -> list[Row]:
    return by_length if len(by_length) <= most else [*by_length[: most // 2], *by_length[-(most - most // 2) :]]


@contextmanager
def _stirred(weights: list[torch.Tensor]) -> Iterator[None]:
    """Let what begins as nothing be something for a while: with zeros, all paths through an adapter look alike."""
    dice = torch.Generator().manual_seed(0)
    zeros = [value for value in weights if not value.any()]
    try:
        for value in zeros:
            value.data = (0.02 * torch.randn(value.shape, generator=dice)).to(value.device, value.dtype)
        yield
    finally:
        for value in zeros:
            value.data = torch.zeros_like(value)


def _measure(truth: Reading, found: Reading) -> tuple[float, float]:
    """How far logits and gradients are from the truth, relative to it."""
    alone = truth.logits.shape[1] == 1  # nothing but likelihoods
    spread = (truth.logits - (0 if alone else truth.logits.mean(dim=-1, keepdim=True))).norm()
    logits = float((found.logits - truth.logits).norm() / spread)
    norms = [float(true.float().norm()) for true in truth.gradients]
    least = 0.1 * (sum(norm**2 for norm in norms) / max(1, len(norms))) ** 0.5 or 1.0
    wrong = [
        float((one.float() - true.float()).norm()) / max(norm, least)
        for one, true, norm in zip(found.gradients, truth.gradients, norms, strict=True)
    ]
    return logits, max(wrong, default=0.0)


def _tell(error: Exception) -> str:
    return (
        "there is no memory for it"
        if is_out_of_memory(error)
        else f"ends in {type(error).__name__}: {first_line(error)}"
    )
