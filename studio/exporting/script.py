"""Script: the training again, for whoever has only torch, transformers, peft and datasets; with its data as a file.

What is written is `reproduce/train.py` with the run's settings in it: the tested file itself.
"""

import json
import pprint
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

from studio.checkpoints.merges import read_card
from studio.errors import ModelError, RecipeError
from studio.exporting.adapter import write_base
from studio.exporting.form import Form, Source
from studio.methods.adalora import AdaLora
from studio.methods.lora import Lora
from studio.methods.method import Method
from studio.methods.prompt import Prompt
from studio.models.facts import describe_model
from studio.models.loading import find_model_folder, load_tokenizer
from studio.objectives.objective import Row
from studio.precisions.precision import find_dtype
from studio.recipes.recipe import Recipe
from studio.tasks.mixture import Mixed, take_examples
from studio.tasks.store import TaskStore

BY_PEFT = (None, "typed", "norm")
"""The tuners of methods that peft trains as the studio does; norms, where the base has 32 bits."""
TEXT = (Path(__file__).parent / "reproduce" / "train.py").read_text(encoding="utf-8")
NEEDS = "accelerate\nbitsandbytes\ndatasets\npeft=={peft}\ntorch=={torch}\ntransformers=={transformers}\n"


class Script(Form):
    """A program that trains the same adapter again."""

    name: ClassVar[str] = "script"
    title: ClassVar[str] = "Training script"
    position: ClassVar[int] = 6
    writes: ClassVar[bool] = True
    summary: ClassVar[str] = "One readable Python file and the data: it trains the same adapter, with the same losses."
    purpose: ClassVar[str] = "for people who want to see, change or cite how it was made"
    parts: ClassVar[int] = 2

    def check(self, source: Source) -> None:
        """Raise RecipeError in words for a training that needs more than the plain libraries have."""
        recipe = source.made.recipe
        if read_card(source.made.folder):
            raise ModelError(
                f"{source.made.title} was merged, not trained, so no script trains it. Export the recipe, which says "
                "how it was merged, and the scripts of its parents.",
                field="form",
            )
        if lacking := _find_lacking(recipe):
            raise RecipeError(
                f"The script can't repeat {lacking}, which only the studio has. Export the recipe, and run "
                "python -m studio train recipe.json.",
                field="form",
            )

    def write(self, source: Source, folder: Path) -> Iterator[None]:
        """Write data and base, then the program."""
        write_data(source, folder)
        yield
        (folder / "train.py").write_text(fill_in(source), encoding="utf-8")
        yield


def _find_lacking(recipe: Recipe) -> str:
    method, options = recipe.method, recipe.training
    special = {
        f"the objective {recipe.objective.title}": recipe.objective.name != "sft",
        f"the method {method.title}": method.tuner not in BY_PEFT,
        f"{method.title} on a base of fewer than 32 bits": method.tuner == "norm" and recipe.held_in.name != "fp32",
        f"the optimiser {options.optimiser}": options.optimiser != "adamw",
        "NEFTune noise": options.neftune_alpha > 0,
    }
    return next((words for words, is_so in special.items() if is_so), "")


def fill_in(source: Source) -> str:
    """Return the program with a run's settings."""
    settings = pprint.pformat(read_settings(source), width=110, sort_dicts=False)
    return TEXT.replace("SETTINGS: dict[str, Any] = {}", f"SETTINGS: dict[str, Any] = {settings}", 1)


def read_settings(source: Source) -> dict[str, Any]:
    """Return what the program needs to know of a run, every blank filled."""
    recipe, base, options = source.made.recipe, source.stack.base, source.made.recipe.training
    is_here = bool(source.below.changes) or base.is_local
    examples = len(take_examples(_load_tasks(source), _list_weights(recipe), options.seed).train)
    plan = recipe.plan(describe_model(base).parameters, examples)
    half = recipe.choose_half(source.device)
    arguments = recipe.held_in.load_arguments(source.device.kind, source.device.half)
    codes = arguments.get("quantization_config")
    return {
        "base": "base" if is_here else base.ref,
        "base_is_here": is_here,
        "revision": None if is_here else base.revision,
        "dtype": str(arguments["dtype"]).removeprefix("torch."),
        "load_in": {key: value for key, value in codes.to_diff_dict().items() if key != "quant_method"}
        if codes
        else None,
        "peft": None if source.made.is_whole else read_peft(source.made.folder, recipe.method),
        **read_own(source, recipe.method),
        "steps": plan.steps,
        "batch_size": plan.batch_size,
        "gradient_accumulation": options.gradient_accumulation,
        "learning_rate": plan.learning_rate,
        "schedule": "constant_with_warmup" if options.schedule == "constant" else options.schedule,
        "warmup_ratio": options.warmup_ratio,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        "mixed_precision": str(find_dtype(half)).removeprefix("torch.") if half else None,
        "evaluate_every": plan.evaluate_every,
        "seed": options.seed,
    }


def read_own(source: Source, method: Method) -> dict[str, Any]:
    """Return what a method does beside what peft's configuration says; nothing of most."""
    told: dict[str, Any] = {"plus_ratio": method.plus_ratio} if isinstance(method, Lora) else {}
    if isinstance(method, AdaLora):
        told["orthogonality"] = method.orthogonality
    if isinstance(method, Prompt):
        tokenizer = load_tokenizer(find_model_folder(source.stack.base))
        ids = tokenizer(method.text, add_special_tokens=False)["input_ids"] if method.init == "text" else []
        told["first_words"] = (ids * method.tokens)[: method.tokens]
    return told


def read_peft(folder: Path, method: Method) -> dict[str, Any]:
    """Return a method's configuration as its training began, of which only what isn't usual is told."""
    from peft import PeftConfig

    config = PeftConfig.from_pretrained(folder)
    own = {each.name: each for each in fields(config)}
    usual = {
        key: each.default_factory() if callable(each.default_factory) else each.default for key, each in own.items()
    }
    told = {key: value for key, value in config.to_dict().items() if value != usual.get(key)}
    told = {key: sorted(value) if isinstance(value, set) else value for key, value in told.items()}
    if isinstance(method, Lora) and method.init == "pissa":  # what is saved is a LoRA of twice the rank
        told |= {"r": method.rank, "lora_alpha": method.alpha, "init_lora_weights": "pissa"}
    hidden = {"inference_mode", "base_model_name_or_path", "peft_type", "peft_version", "auto_mapping", "revision"}
    if isinstance(method, AdaLora):  # what is left at the end
        hidden.add("rank_pattern")
    return {"peft_type": config.peft_type.value, **{key: value for key, value in told.items() if key not in hidden}}


def write_data(source: Source, folder: Path) -> None:
    """Write the base where it is to lie here, the examples a line each, and what to install."""
    from importlib.metadata import version

    if source.below.changes or source.stack.base.is_local:
        write_base(source, folder / "base")
    recipe = source.made.recipe
    tokenizer = load_tokenizer(find_model_folder(source.stack.base))
    examples = take_examples(_load_tasks(source), _list_weights(recipe), recipe.training.seed)
    most = recipe.training.max_length
    context = describe_model(source.stack.base).context or most
    for part, some in (("train", examples.train), ("validation", examples.validation)):
        lines = [write_line(row, tokenizer) for row in encode(some, recipe, tokenizer, min(most, context))]
        if lines:
            (folder / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8")
    needs = NEEDS.format(**{name: version(name).partition("+")[0] for name in ("peft", "torch", "transformers")})
    (folder / "requirements.txt").write_text(needs, encoding="utf-8")


def encode(examples: list[Mixed], recipe: Recipe, tokenizer: Any, most: int) -> Iterator[Row]:
    """Yield the rows of examples, as training has them."""
    for task, instance in examples:
        yield from recipe.objective.encode(task, instance, tokenizer, most) or ()


def write_line(row: Row, tokenizer: Any) -> str:
    """Return a row as a line of JSON: as text where the program's tokens of it are the studio's, else as tokens."""
    from studio.exporting.reproduce.train import encode as encode_again

    first = next(place for place, label in enumerate(row.labels) if label != -100)
    marks = {tokenizer.bos_token_id, tokenizer.eos_token_id} - {None}
    start = next((place for place, id in enumerate(row.input_ids) if id not in marks), 0)
    end = len(row.input_ids) - (row.input_ids[-1] == tokenizer.eos_token_id)
    for begin in dict.fromkeys((start, 0)):
        text, prompt = (
            tokenizer.decode(row.input_ids[begin:stop], clean_up_tokenization_spaces=False) for stop in (end, first)
        )
        told: dict[str, Any] = {"prompt": prompt, "completion": text[len(prompt) :]}
        if text.startswith(prompt) and encode_again(told, tokenizer) == {
            "input_ids": row.input_ids,
            "labels": row.labels,
        }:
            return json.dumps({**told, "input_ids": [], "labels": []}, ensure_ascii=False) + "\n"
    told = {"prompt": "", "completion": "", "input_ids": row.input_ids, "labels": row.labels}
    return json.dumps(told, ensure_ascii=False) + "\n"


def _load_tasks(source: Source) -> list[Any]:
    return TaskStore(source.workspace).load_parts(source.made.recipe.parts)


def _list_weights(recipe: Recipe) -> list[float]:
    return [part.weight for part in recipe.mixture]
