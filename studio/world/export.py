"""The finished base model as a folder that `transformers` loads: weights, configuration, tokenizer, model card.

Knows: the files of such a folder, and how to tell in the card what the log of the pretraining says.
Does not know: how the weights came about. Every figure in the card is read from the log or measured here.
Writes beside the target folder and renames, so that nobody ever reads half a model.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaForCausalLM

from studio.answering.decoding import Writer
from studio.models.loading import list_end_tokens
from studio.world.checkpoint import list_checkpoints
from studio.world.corpus import MIX
from studio.world.language.lexicon import count_words
from studio.world.network import Shape, build_network
from studio.world.tokenizer import END

PROMPTS = (
    "One day, Mia",
    "The plural of wolf is",
    "The opposite of hot is",
    "Tom eats an apple. -> Tom ate an apple.\nMia opens the door. ->",
    "Ben went to the park on Monday. There he found a red ball. Where was Ben?",
    "The soup was cold and the waiter was rude. I",
)


def read_log(build_folder: Path, steps: int) -> list[dict[str, Any]]:
    """The reports of the run with this number of steps and of the runs that it continued, in the order of the steps."""
    rows: dict[int, dict[str, Any]] = {}
    for line in (build_folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["step"] not in rows or row["steps"] == steps:
            rows[row["step"]] = row
    return [rows[step] for step in sorted(rows) if step <= steps]


def load_network(build_folder: Path, folder: Path) -> LlamaForCausalLM:
    """The network of a checkpoint, in bf16 and ready to generate."""
    marks = AutoTokenizer.from_pretrained(build_folder / "tokenizer")
    shape = Shape(**json.loads((build_folder / "recipe.json").read_text(encoding="utf-8"))["shape"])
    network = build_network(shape, marks.bos_token_id, marks.eos_token_id, marks.pad_token_id)
    network.load_state_dict(torch.load(folder / "worker-0.pt", weights_only=True)["network"])
    network.generation_config = GenerationConfig(
        bos_token_id=marks.bos_token_id,
        eos_token_id=[marks.eos_token_id, marks.convert_tokens_to_ids(END)],
        pad_token_id=marks.pad_token_id,
    )
    return network.to(torch.bfloat16).eval()


def write_samples(folder: Path, max_tokens: int = 40) -> list[tuple[str, str]]:
    """What the saved model writes after some openings, always taking the likeliest token."""
    marks = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    writer, samples = Writer(network, marks.pad_token_id, list_end_tokens(network)), []
    for prompt in PROMPTS:
        [written] = writer.write([marks(prompt)["input_ids"]], max_tokens)
        samples.append((prompt, marks.decode(written, skip_special_tokens=True)))
    return samples


def write_card(folder: Path, rows: list[dict[str, Any]], weights: int) -> str:
    """The model card, its figures from the log's rows and from the saved model."""
    last = rows[-1]
    measured = [row for row in rows if "validation_loss" in row]
    minutes = sum(row["seconds"] for row in rows) / 60
    samples = "\n".join(_show_sample(prompt, answer) for prompt, answer in write_samples(folder))
    curve = "\n".join(
        f"| {row['step']:,} | {row['tokens'] / 1e6:.1f} M | {row['validation_loss']:.3f} |"
        for row in measured[:: max(1, len(measured) // 8)]
        + measured[-1:] * ((len(measured) - 1) % max(1, len(measured) // 8) > 0)
    )
    return CARD.format(
        weights=weights / 1e6,
        size=sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e6,
        steps=last["step"],
        tokens=last["tokens"] / 1e6,
        loss=measured[-1]["validation_loss"],
        words=count_words(),
        kinds=len(MIX),
        minutes=minutes,
        speed=last["tokens"] / (minutes * 60),
        curve=curve,
        samples=samples,
    )


def _show_sample(prompt: str, answer: str) -> str:
    quoted = "\n".join(f"> {line}" for line in f"**{prompt}**{answer.rstrip()}".splitlines())
    return f"{quoted}\n"


def export_base(build_folder: Path, target: Path) -> None:
    """Writes the latest checkpoint as a model with its tokenizer and card."""
    step, steps, folder = list_checkpoints(build_folder)[-1]
    beside = target.with_name(target.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    network = load_network(build_folder, folder)
    network.save_pretrained(beside)
    AutoTokenizer.from_pretrained(build_folder / "tokenizer").save_pretrained(beside)
    rows = [row for row in read_log(build_folder, steps) if row["step"] <= step]
    weights = sum(weight.numel() for weight in network.parameters())
    (beside / "README.md").write_text(write_card(beside, rows, weights), encoding="utf-8")
    old = target.with_name(target.name + ".old")
    if target.exists():
        target.rename(old)
    beside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


CARD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# The built-in base model of Fine-Tuning Studio

A language model of {weights:.2f} million weights ({size:.1f} MB in bf16) that knows a little world of simple English:
everyday words and their forms, short stories, questions and answers, reviews, lists, lessons and small talk. It was
made for one purpose: a beginner fine-tunes it and sees what changes. It does **not** follow instructions before it is
tuned, and that is the point of the lesson.

## How it was made

- **Text.** No text was collected. `studio/world` writes all of it by rule, from the word lists in `assets/world`
  ({words:,} everyday words written by hand) and from invented words, so that the model learns to copy and inflect words
  that it has never seen. There are {kinds} kinds of documents; no document states a task, and no review has a label.
- **Tokenizer.** Byte-level BPE with 4,096 tokens, learned from the same text; every digit is a token. The markers
  `<|user|>`, `<|assistant|>`, `<|system|>` and `<|end|>` are used in a few per cent of the documents, for small talk.
- **Network.** Llama, 6 layers of width 256, 4 heads that share 2 pairs of keys and values, tied embeddings. Trained on
  windows of 256 tokens, and of 512 in the last tenth.
- **Training.** {steps:,} steps, {tokens:.1f} million tokens in {minutes:.0f} minutes on two processor cores that did
  other work as well ({speed:,.0f} tokens a second), with Muon and AdamW, a constant learning rate and a linear decay at
  the end.
- **Validation loss.** {loss:.3f} nats a token, on documents that no step read.

| step | tokens read | validation loss |
|---|---|---|
{curve}

The same weights, up to the order of additions in your processor, come from one command:

```
python -m studio.world
```

## What it writes

Each answer is the likeliest continuation, cut after 40 tokens; the opening is in bold.

{samples}
## Limits

It knows nothing beyond its little world: no history, no news, no real persons. Its sentences are correct more often
than they are sensible ("The baker lent a canoe to the owl" is fine for it). It was never taught to be safe or truthful;
nothing it says is advice. It reads at most 1,024 tokens and was trained on 512 at most. English only.

Licence: Apache-2.0, text generator, words and weights alike.
"""
