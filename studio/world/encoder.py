"""One command that makes the built-in encoder again: `python -m studio.world.encoder`.

It is the first layers of the built-in base, taught that two passages of one document lie near each other and away from
those of other documents (multiple negatives, Henderson et al. 2017, arXiv:1705.00652). Every other batch holds
documents of one kind alone, so that a passage's kind is not all that tells it apart. What it reads is written by
`studio.world`, from seeds that no base was trained on. Knows no task and no label.
"""

import argparse
import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import AutoModelForCausalLM, AutoTokenizer

from studio.models.reference import BUILTIN_FOLDER, ENCODER_FOLDER
from studio.world.corpus import MIX, Writer
from studio.world.documents import (
    chat,
    descriptions,
    dialogues,
    feelings,
    lessons,
    letters,
    pirates,
    reviews,
    stories,
    sums,
)
from studio.world.language.voice import Voice

PROSE = (chat, descriptions, dialogues, feelings, lessons, letters, pirates, reviews, stories, sums)
"""Documents that say something in sentences; those of the others are lists, forms and riddles."""
REVIEWS = 0.5
"""So often is a batch of one kind one of reviews: of those, mood and subject are all that differs."""
NO_PROSE = (sums.write_sums, sums.write_counting)
SEED, HELD_OUT_SEED = 1_000_005, 1_000_006
LAYERS = 4
STEPS, PAIRS = 320, 64
RATE, WARM_UP = 3e-4, 0.1
SHARPNESS = 20.0
MOST_TOKENS = 32
ALIKE = 16
"""So many texts of like length are read together."""
ASKED = 256
"""So many pairs of unread documents tell how good it is."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_SHORTEST = 12


class Passages(NamedTuple):
    """Two passages of one document that share no sentence."""

    text: str
    other: str


class Found(NamedTuple):
    """How often, of passages of unread documents, the other one of a document is the nearest; and the mean 1 / rank."""

    first: float
    reciprocal: float


def write_batches(seed: int, pairs: int) -> Iterator[list[Passages]]:
    """Yield batches for ever, the same for the same seed: of all kinds of documents, and of one kind, in turn."""
    dice, bounds = Random(seed), list(accumulate(weight for _, weight in list_writers()))
    writers = [writer for writer, _ in list_writers()]
    while True:
        alone = reviews.write_review if dice.random() < REVIEWS else dice.choices(writers, cum_weights=bounds)[0]
        for kinds in (writers, [alone]):
            yield list(islice(_write_pairs(dice, kinds, bounds if len(kinds) > 1 else None), pairs))


def list_writers() -> list[tuple[Writer, float]]:
    """Return what writes prose, and how often."""
    names = {module.__name__ for module in PROSE}
    return [(writer, weight) for writer, weight, _ in MIX if writer.__module__ in names and writer not in NO_PROSE]


def _write_pairs(dice: Random, writers: Sequence[Writer], bounds: list[float] | None) -> Iterator[Passages]:
    voice = Voice(dice)
    while True:
        writer = dice.choices(writers, cum_weights=bounds)[0]
        if pair := cut(writer(voice), dice):
            yield pair


def cut(document: str, dice: Random) -> Passages | None:
    """Return two passages of a document, of one or two sentences each; None where it has no two."""
    sentences = [one.strip() for one in _SENTENCE.split(document) if len(one.strip()) >= _SHORTEST]
    if len(sentences) < 2:
        return None
    middle = dice.randrange(1, len(sentences))
    left = sentences[max(0, middle - dice.choice((1, 1, 2))) : middle]
    right = sentences[middle : middle + dice.choice((1, 1, 2))]
    return Passages(" ".join(left), " ".join(right))


def place(model: Any, tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """Return where a model puts texts (texts x width): the mean of what its head would read at their tokens."""
    rows = [tokenizer(text, add_special_tokens=False)["input_ids"][:MOST_TOKENS] for text in texts]
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    some = [order[first : first + ALIKE] for first in range(0, len(rows), ALIKE)]
    found = torch.cat([_place(model, tokenizer, [rows[place] for place in places]) for places in some])
    return normalize(found[torch.tensor(order).argsort()], dim=-1)


def _place(model: Any, tokenizer: Any, rows: Sequence[list[int]]) -> Tensor:
    longest = max(map(len, rows))
    ids = [[tokenizer.bos_token_id, *row, *[tokenizer.pad_token_id] * (longest - len(row))] for row in rows]
    states = model.model(input_ids=torch.tensor(ids), use_cache=False).last_hidden_state[:, 1:].float()
    counts = torch.tensor([len(row) for row in rows])
    mask = (torch.arange(longest)[None] < counts[:, None]).float()[..., None]
    return (states * mask).sum(1) / counts[:, None]


def find_loss(texts: Tensor, others: Tensor) -> Tensor:
    """Return how surprising it is, from both sides, that each text's own is the nearest of the batch's (nats)."""
    near, own = SHARPNESS * texts @ others.T, torch.arange(len(texts))
    return (cross_entropy(near, own) + cross_entropy(near.T, own)) / 2


@torch.no_grad()
def measure(model: Any, tokenizer: Any, asked: Sequence[Passages]) -> Found:
    """Return how well the other passage of a document is found by being the nearest."""
    texts, others = (place(model, tokenizer, side) for side in zip(*asked, strict=True))
    near = texts @ others.T
    rank = (near > near.diagonal()[:, None]).sum(1) + 1
    return Found(float((rank == 1).float().mean()), float((1 / rank).mean()))


def load_start(layers: int) -> tuple[Any, Any]:
    """Return the first layers of the built-in base in 32 bits, and its tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(
        BUILTIN_FOLDER, dtype=torch.float32, num_hidden_layers=layers, attn_implementation="sdpa"
    )
    return model, AutoTokenizer.from_pretrained(BUILTIN_FOLDER)


def teach(model: Any, tokenizer: Any, steps: int, pairs: int = PAIRS, rate: float = RATE) -> None:
    """Train all of its weights for so many steps, each of `pairs` documents."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    warm, began, losses = max(1, int(WARM_UP * steps)), time.monotonic(), list[float]()
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    for step, batch in enumerate(islice(write_batches(SEED, pairs), steps), start=1):
        both = place(model, tokenizer, [one.text for one in batch] + [one.other for one in batch])
        loss = find_loss(*both.chunk(2))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        falling.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step % 20 == 0 or step == steps:
            said = sum(losses[-20:]) / len(losses[-20:])
            print(f"step {step} of {steps}: loss {said:.3f}, {time.monotonic() - began:.0f} s", flush=True)


def make_encoder(target: Path, steps: int = STEPS, layers: int = LAYERS) -> None:
    """Make it, and write it into a folder with its card: beside, and renamed."""
    torch.manual_seed(SEED)
    model, tokenizer = load_start(layers)
    asked = next(write_batches(HELD_OUT_SEED, ASKED))
    before, began = measure(model, tokenizer, asked), time.monotonic()
    teach(model, tokenizer, steps)
    minutes = (time.monotonic() - began) / 60
    model = model.to(torch.bfloat16)
    after = measure(model, tokenizer, asked)
    beside, old = (target.with_name(target.name + ending) for ending in (".part", ".old"))
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(beside)
    tokenizer.save_pretrained(beside)
    told = {"steps": steps, "pairs": PAIRS, "layers": layers, "before": before._asdict(), "after": after._asdict()}
    (beside / "made.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in beside.glob("*.safetensors")) / 1e6
    weights = sum(value.numel() for value in model.parameters()) / 1e6
    (beside / "README.md").write_text(
        CARD.format(
            weights=weights, size=size, layers=layers, steps=steps, pairs=PAIRS, read=2 * steps * PAIRS,
            minutes=minutes, asked=ASKED, before=100 * before.first, after=100 * after.first,
        ),
        encoding="utf-8",
    )  # fmt: skip
    if target.exists():
        target.rename(old)
    beside.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    print(f"{after} (before: {before}), {minutes:.1f} minutes")


def main() -> None:
    """Make it in assets/encoder."""
    parser = argparse.ArgumentParser(prog="python -m studio.world.encoder", description="Makes the built-in encoder.")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {PAIRS} pairs (%(default)s)")
    parser.add_argument("--layers", type=int, default=LAYERS, help="of the base's six (%(default)s)")
    parser.add_argument("--into", type=Path, default=ENCODER_FOLDER, help="where it goes (assets/encoder)")
    arguments = parser.parse_args()
    make_encoder(arguments.into, arguments.steps, arguments.layers)


CARD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: feature-extraction
---

# The built-in encoder of Fine-Tuning Studio

A model of {weights:.2f} million weights ({size:.1f} MB in bf16) that puts texts of a little world of simple English
near those that belong with them. A text lies where the mean of its last states lies. It was made for one purpose: that
few labels (SetFit) and contrastive embeddings can be tried without a network. What it writes makes no sense.

## How it was made

- **Start.** The first {layers} layers of the built-in base, with its tokenizer.
- **Text.** Documents written by `studio/world`, of seeds that the base never read. No label, and no task.
- **Lesson.** {steps:,} steps of {pairs} pairs: two passages of one document lie near each other and away from those of
  the other documents in the batch ({read:,} passages in {minutes:.0f} minutes of one processor core). Every other batch
  is of one kind of document, half of those of reviews.
- **Measured.** Of {asked} passages of unread documents, the other one of the same document is the nearest for
  {after:.0f} %; before the lesson for {before:.0f} %.

The same weights, up to the order of additions in your processor, come from one command:

```
python -m studio.world.encoder
```

Licence: Apache-2.0, text generator, words and weights alike.
"""

if __name__ == "__main__":
    main()
