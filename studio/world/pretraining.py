"""Pretraining the base model: two workers, one thread each, that share every step of the same run.

Knows: the recipe (steps, batch, learning rates), the order of the data, the optimizers, and what a worker does.
Does not know: the corpus (it reads token files) and the saved form of the finished model (`export.py`).
Writes into the build folder: `log.jsonl` (one line a report) and `checkpoints/`.

The learning rate warms up, stays constant and then falls to zero over the last part of the steps (MiniCPM,
arXiv:2404.06395). Step s reads the tokens from s * batch tokens on, whatever the number of steps, so a run that is
continued from a checkpoint of its constant part with another number of steps equals a run with that number from the
start. Matrices of the hidden layers are updated by Muon (Keller Jordan, 2024), the others by AdamW.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from transformers import AutoTokenizer, LlamaForCausalLM

from studio.world.checkpoint import find_checkpoint, load_checkpoint, save_checkpoint
from studio.world.network import Shape, build_network, make_loss
from studio.world.tokenizer import Tokens, load_tokens

WORKERS = 2


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, apart from the tokens themselves."""

    steps: int
    windows: int = 32  # of `window_tokens`, over both workers
    window_tokens: int = 256
    long_share: float = 0.1  # the last part of the steps reads windows twice as long, half as many
    warmup_steps: int = 100
    decay_share: float = 0.28
    matrix_rate: float = 0.02
    other_rate: float = 3e-3
    clip_norm: float = 1.0
    save_every: int = 500
    report_every: int = 50
    measure_every: int = 500
    compiled: bool = True
    niceness: int = 5
    shape: Shape = field(default_factory=Shape)

    @property
    def batch_tokens(self) -> int:
        """Tokens that one step learns from."""
        return self.windows * self.window_tokens

    @property
    def decay_start(self) -> int:
        """The first step with a falling learning rate."""
        return round(self.steps * (1 - self.decay_share))

    def rate_scale(self, step: int) -> float:
        """The share of the full learning rate at a step, counted from 0."""
        if step < self.decay_start:
            return min(1.0, (step + 1) / self.warmup_steps)
        return max(0.0, (self.steps - step) / max(1, self.steps - self.decay_start))

    def window_size(self, step: int) -> tuple[int, int]:
        """How many windows of how many tokens a step reads."""
        if step >= round(self.steps * (1 - self.long_share)):
            return self.windows // 2, self.window_tokens * 2
        return self.windows, self.window_tokens


def read_windows(tokens: Tokens, recipe: Recipe, step: int, worker: int) -> Tensor:
    """The windows of one worker at a step, each with the token that follows it: (windows, tokens + 1)."""
    count, size = recipe.window_size(step)
    share = count // WORKERS
    places = (len(tokens) - 1) // recipe.batch_tokens
    start = (step % places) * recipe.batch_tokens + worker * share * size
    rows = [tokens[start + i * size : start + (i + 1) * size + 1] for i in range(share)]
    return torch.from_numpy(np.stack(rows).astype(np.int64))


class Optimizers:
    """Muon and AdamW of one worker; the matrices are divided among the workers, the rest is the same in all."""

    def __init__(self, network: LlamaForCausalLM, recipe: Recipe, worker: int) -> None:
        named = [(name, weight) for name, weight in network.named_parameters()]
        matrices = [weight for name, weight in named if weight.ndim == 2 and "embed" not in name]
        self.owned = [matrices[index::WORKERS] for index in range(WORKERS)]
        chosen = {id(weight) for weight in matrices}
        others = [weight for _, weight in named if id(weight) not in chosen]
        self.muon = torch.optim.Muon(self.owned[worker], lr=recipe.matrix_rate, momentum=0.95, weight_decay=0.01)
        self.adam = torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
        self.rates = (recipe.matrix_rate, recipe.other_rate)
        self.worker = worker

    def step(self, scale: float) -> None:
        """Updates this worker's weights and takes over the matrices that the other workers updated."""
        for optimizer, rate in zip((self.muon, self.adam), self.rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
            optimizer.step()
        with torch.no_grad():
            for index, matrices in enumerate(self.owned):
                flat = torch.cat([matrix.flatten() for matrix in matrices])
                dist.broadcast(flat, index)
                if index != self.worker:
                    _spread(flat, matrices)

    def state_dict(self) -> dict[str, object]:
        """What a checkpoint needs of this worker."""
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        """Takes the state of a checkpoint of the same worker."""
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def _spread(flat: Tensor, targets: list[Tensor]) -> None:
    """Copies a flat tensor back into the tensors it was joined from."""
    for target, piece in zip(targets, flat.split([target.numel() for target in targets]), strict=True):
        target.copy_(piece.view_as(target))


def share_gradients(weights: list[torch.nn.Parameter], loss: float, clip_norm: float) -> float:
    """Replaces every gradient by the mean over the workers, clipped; returns the mean loss."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients] + [torch.tensor([loss])])
    dist.all_reduce(flat)
    flat /= WORKERS
    mean_loss = float(flat[-1])
    flat = flat[:-1]
    flat *= min(1.0, clip_norm / (float(flat.norm()) + 1e-6))
    _spread(flat, gradients)
    return mean_loss


@torch.no_grad()
def measure_validation(loss: Callable[[Tensor], Tensor], tokens: Tokens, recipe: Recipe, windows: int = 128) -> float:
    """The mean loss on windows that no step reads."""
    size, total, batch = recipe.window_tokens, 0.0, max(1, recipe.windows // WORKERS)
    windows = min(windows, (len(tokens) - 1) // size) // batch * batch
    for start in range(0, windows, batch):
        rows = np.stack([tokens[i * size : (i + 1) * size + 1] for i in range(start, start + batch)])
        total += loss(torch.from_numpy(rows.astype(np.int64))).item() * batch
    return total / windows


def _append(path: Path, row: dict[str, object]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _work(worker: int, build_folder: Path, recipe: Recipe, meeting: str) -> None:
    """The life of one worker."""
    os.nice(recipe.niceness)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=worker, world_size=WORKERS)
    marks = AutoTokenizer.from_pretrained(build_folder / "tokenizer")
    network = build_network(recipe.shape, marks.bos_token_id, marks.eos_token_id, marks.pad_token_id)
    optimizers, weights = Optimizers(network, recipe, worker), list(network.parameters())
    start = load_checkpoint(
        find_checkpoint(build_folder, recipe.decay_start, recipe.steps), network, optimizers, worker
    )
    loss_of = make_loss(network, recipe.compiled)
    tokens, validation = load_tokens(build_folder, "train"), load_tokens(build_folder, "validation")
    losses: list[float] = []
    seen, since = start, time.monotonic()
    for step in range(start, recipe.steps):
        loss = loss_of(read_windows(tokens, recipe, step, worker))
        loss.backward()
        losses.append(share_gradients(weights, loss.item(), recipe.clip_norm))
        optimizers.step(recipe.rate_scale(step))
        network.zero_grad(set_to_none=True)
        done = step + 1
        if done % recipe.save_every == 0 or done == recipe.steps:
            save_checkpoint(build_folder, done, recipe.steps, network, optimizers, worker)
        if worker == 0 and (done % recipe.report_every == 0 or done == recipe.steps):
            seconds = time.monotonic() - since
            row: dict[str, object] = {
                "step": done,
                "steps": recipe.steps,
                "tokens": done * recipe.batch_tokens,
                "loss": round(sum(losses) / len(losses), 4),
                "rate_scale": round(recipe.rate_scale(step), 4),
                "seconds": round(seconds, 2),
                "tokens_per_second": round((done - seen) * recipe.batch_tokens / seconds),
            }
            if done % recipe.measure_every == 0 or done == recipe.steps:
                row["validation_loss"] = round(measure_validation(loss_of, validation, recipe), 4)
            _append(build_folder / "log.jsonl", row)
            losses, seen, since = [], done, time.monotonic()
    dist.barrier()
    dist.destroy_process_group()


def pretrain(build_folder: Path, recipe: Recipe) -> None:
    """Runs the recipe to its end, from the latest checkpoint that belongs to it; blocks until both workers are done."""
    build_folder.mkdir(parents=True, exist_ok=True)
    (build_folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    meeting = build_folder / f"meeting-{os.getpid()}"
    spawn(_work, (build_folder, recipe, f"file://{meeting.resolve()}"), nprocs=WORKERS)
    meeting.unlink(missing_ok=True)
