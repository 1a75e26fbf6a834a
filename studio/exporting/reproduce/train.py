"""Trains a run's adapter again, with torch, transformers, peft and datasets alone: `python train.py`.

The same examples in the same order, the same first weights (on the same base, method and libraries) and the same steps:
the losses are the studio's, to rounding. Everything that was chosen is in SETTINGS.
"""

import json
import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from peft import get_peft_config, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, get_scheduler, set_seed
from transformers.trainer_pt_utils import get_length_grouped_indices

SETTINGS: dict[str, Any] = {}
HERE = Path(__file__).parent if "__file__" in globals() else Path()

# %% The examples: what is read before an answer, and the answer, which is what is learnt.


def encode(example: dict[str, Any], tokenizer: Any) -> dict[str, list[int]]:
    """Return a text as tokens; labels are -100 where nothing is learnt. A line that has tokens already keeps them."""
    if example.get("input_ids"):
        return {"input_ids": list(example["input_ids"]), "labels": list(example["labels"])}
    found = tokenizer(example["prompt"] + example["completion"], return_offsets_mapping=True)
    ids, ends = list(found["input_ids"]), [end for _, end in found["offset_mapping"]]
    labels = [id if end > len(example["prompt"]) else -100 for id, end in zip(ids, ends, strict=True)]
    if ids[-1] != tokenizer.eos_token_id or ends[-1]:
        ids, labels = [*ids, tokenizer.eos_token_id], [*labels, -100]
    labels[-1] = tokenizer.eos_token_id
    return {"input_ids": ids, "labels": labels}


def read_examples(name: str, tokenizer: Any) -> list[dict[str, list[int]]]:
    """Return the examples of a file as tokens."""
    if not (HERE / name).exists():
        return []
    lines = load_dataset("json", data_files=str(HERE / name), split="train")
    return [encode(line, tokenizer) for line in lines]


# %% The order: shuffled by the seed, then those of like length together; so many batches make a step.


def list_steps(examples: list[dict[str, list[int]]], settings: dict[str, Any]) -> Iterator[list[list[int]]]:
    """Yield for each step its batches, as places in the list of examples; epoch after epoch."""
    size, each = settings["batch_size"], settings["gradient_accumulation"]
    lengths = [len(example["input_ids"]) for example in examples]
    for epoch in count():
        dice = torch.Generator().manual_seed((settings["seed"] << 20) + epoch)
        order = get_length_grouped_indices(lengths, size * each, generator=dice)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        yield from (batches[start : start + each] for start in range(0, len(batches), each))


# %% The loss: how unlikely each learnt token was, in nats.


def sum_loss(model: Any, rows: list[dict[str, list[int]]], pad: int) -> tuple[torch.Tensor, int]:
    """Return the loss summed over the learnt tokens of a batch, and how many there are."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.tensor([row["input_ids"] + [pad] * (longest - len(row["input_ids"])) for row in rows])
    labels = torch.tensor([row["labels"] + [-100] * (longest - len(row["labels"])) for row in rows])
    mask = torch.tensor([[int(place < len(row["input_ids"])) for place in range(longest)] for row in rows])
    ids, labels, mask = (tensor.to(model.device) for tensor in (ids, labels, mask))
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, -longest:-1].float()
    wanted = labels[:, 1:]
    return cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum"), int((wanted != -100).sum())


def measure_loss(model: Any, examples: list[dict[str, list[int]]], settings: dict[str, Any], pad: int) -> float:
    """Return the validation loss: the mean of the batches', each by its size."""
    model.eval()
    total, size = 0.0, settings["batch_size"]
    with torch.no_grad(), multiply_in(model, settings):
        for start in range(0, len(examples), size):
            rows = examples[start : start + size]
            loss, learnt = sum_loss(model, rows, pad)
            total += float(loss) / max(1, learnt) * len(rows)
    model.train()
    return total / len(examples)


def multiply_in(model: Any, settings: dict[str, Any]) -> Any:
    """Return what lets a model multiply in 16 bits, where the run did."""
    half = settings["mixed_precision"]
    return torch.autocast(model.device.type, getattr(torch, half or "bfloat16"), enabled=bool(half))


# %% The model: the frozen base, and the weights beside it that train.


def load_model(settings: dict[str, Any]) -> Any:
    """Return the base with the method on it."""
    options: dict[str, Any] = {"revision": settings["revision"]}
    if settings["load_in"]:
        options["quantization_config"] = BitsAndBytesConfig(**settings["load_in"])
    options["dtype"] = getattr(torch, settings["dtype"])
    place = "cuda" if torch.cuda.is_available() else "cpu"
    base = HERE / settings["base"] if settings["base_is_here"] else settings["base"]
    model = AutoModelForCausalLM.from_pretrained(base, device_map=place, **options)
    model.requires_grad_(settings["peft"] is None)
    if settings["load_in"]:
        model.enable_input_require_grads()
    if settings["peft"] is not None:
        model = get_peft_model(model, get_peft_config(dict(settings["peft"])))
    if "first_words" in settings:
        begin_tokens(model, settings["first_words"])
    for name, value in model.named_parameters():
        value.requires_grad_(value.requires_grad and ".ranknum." not in name)  # a note of AdaLoRA's, not a weight
        if value.requires_grad:
            value.data = value.data.float()
    return model.train()


def begin_tokens(model: Any, words: list[int]) -> None:
    """Let the tokens that prompt tuning learns begin as words: those given, or some drawn from the vocabulary."""
    vocabulary = model.get_base_model().get_input_embeddings().weight
    learnt = model.prompt_encoder["default"].embedding.weight
    ids = torch.tensor(words) if words else torch.randint(0, len(vocabulary), (len(learnt),))
    learnt.data.copy_(vocabulary[ids.to(vocabulary.device)].detach())


def make_groups(model: Any, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what trains in two groups: norms and biases aren't pulled towards zero; LoRA+'s second matrices hurry."""
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    decay, ratio = settings["weight_decay"], settings.get("plus_ratio", 1.0)
    if ratio != 1:
        rates = {False: settings["learning_rate"], True: settings["learning_rate"] * ratio}
        return [
            {"params": [value for name, value in trained if ("lora_B" in name) == second], "lr": rate}
            | {"weight_decay": decay}
            for second, rate in rates.items()
        ]
    kept = {name for name, value in trained if value.ndim < 2 or name.endswith("bias")}
    return [
        {"params": [value for name, value in trained if name not in kept], "weight_decay": decay},
        {"params": [value for name, value in trained if name in kept], "weight_decay": 0.0},
    ]


# %% What AdaLoRA does beside: it keeps its directions at right angles, and takes away those that matter least.


def penalise(model: Any, settings: dict[str, Any]) -> Any:
    """Return how far AdaLoRA's directions are from right angles, as far as that counts; 0 for any other method."""
    if "orthogonality" not in settings:
        return 0.0
    far = []
    for name, value in model.named_parameters():
        if value.requires_grad and (".lora_A." in name or ".lora_B." in name):
            spread = value @ value.T if ".lora_A." in name else value.T @ value
            far.append(torch.linalg.matrix_norm(spread - torch.eye(len(spread), device=spread.device)))
    return settings["orthogonality"] * torch.stack(far).mean()


def allocate(model: Any, step: int, settings: dict[str, Any]) -> None:
    """Let AdaLoRA judge what a step showed, while the gradients are there."""
    if "orthogonality" in settings:
        for value in model.parameters():
            if value.requires_grad and value.grad is None:
                value.grad = torch.zeros_like(value)
        model.base_model.update_and_allocate(step)


# %% The training.


def save(model: Any, begun: Path | None = None) -> None:
    """Write what was trained; of PiSSA, which changed the base, as a LoRA on the untouched one."""
    options = {"path_initial_model_for_weight_conversion": str(begun)} if begun else {}
    model.save_pretrained(HERE / "trained", **options)


def keep_start(model: Any, settings: dict[str, Any]) -> Path | None:
    """Write what PiSSA began as, from which its difference is taken at the end; None for anything else."""
    if (settings["peft"] or {}).get("init_lora_weights") != "pissa":
        return None
    model.peft_config["default"].init_lora_weights = True  # so that it is written as it is
    model.save_pretrained(HERE / "begun")
    return HERE / "begun"


def train(settings: dict[str, Any]) -> list[float]:
    """Train, print the losses, save what was trained in the folder `trained`, and return the losses."""
    base = HERE / settings["base"] if settings["base_is_here"] else settings["base"]
    tokenizer = AutoTokenizer.from_pretrained(base, revision=settings["revision"])
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    examples, validation = (read_examples(f"{part}.jsonl", tokenizer) for part in ("train", "validation"))
    set_seed(settings["seed"])
    model = load_model(settings)
    begun = keep_start(model, settings)
    optimizer = torch.optim.AdamW(make_groups(model, settings), lr=settings["learning_rate"], fused=True)
    steps = settings["steps"]
    schedule = get_scheduler(settings["schedule"], optimizer, int(settings["warmup_ratio"] * steps), steps)
    losses = []
    for step, batches in zip(range(1, steps + 1), list_steps(examples, settings), strict=False):
        rows = [[examples[place] for place in batch] for batch in batches]
        learnt = sum(label != -100 for batch in rows for row in batch for label in row["labels"][1:])
        told = 0.0
        for batch in rows:
            with multiply_in(model, settings):
                loss = sum_loss(model, batch, pad)[0] / learnt
            (loss + penalise(model, settings) / len(batches)).backward()
            told += float(loss.detach())
        if settings["max_grad_norm"]:
            trained = [value for value in model.parameters() if value.requires_grad]
            torch.nn.utils.clip_grad_norm_(trained, settings["max_grad_norm"])
        optimizer.step()
        allocate(model, step, settings)
        schedule.step()
        optimizer.zero_grad()
        losses.append(told)
        print(json.dumps({"step": step, "loss": round(told, 5)}))
        if validation and settings["evaluate_every"] and step % settings["evaluate_every"] == 0:
            found = measure_loss(model, validation, settings, pad)
            print(json.dumps({"step": step, "validation_loss": round(found, 5)}))
    save(model, begun)
    tokenizer.save_pretrained(HERE / "trained")
    return losses


# %%
if __name__ == "__main__":
    assert all(map(math.isfinite, train(SETTINGS))), "A loss is no number: take a smaller learning rate."
