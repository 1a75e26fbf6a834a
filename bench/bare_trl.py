"""TRL's SFTTrainer on a task of a workspace, as its own examples use it: what the studio's training is compared with.

`python -m bench.bare_trl SETTINGS`, where SETTINGS is JSON: `folder` of the workspace, `task_id`, `precision`, `rank`,
`config` (of SFTConfig), and if need be `model` (a folder; else the built-in base), `evaluate`, and `unsloth` (the same
trainer, the model loaded and patched by Unsloth).

Prints JSON: seconds from the start of the script to the first logged loss, examples a second, validation loss, seconds;
and as bench.peak: bytes at the peak, the moments steps ended, losses, tokens, learnt tokens, examples, trainable.
"""

import json
import sys
import time
from importlib import import_module
from typing import Any

BEGAN = time.perf_counter()
SETTINGS = json.loads(sys.argv[1])
UNSLOTH = import_module("unsloth") if SETTINGS.get("unsloth") else None  # patches the others, so it comes before them

import torch  # noqa: E402
from bitsandbytes.nn import Linear4bit  # noqa: E402
from datasets import Dataset  # noqa: E402
from peft import LoraConfig  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

from bench.watch import Watch  # noqa: E402
from studio.models.reference import BUILTIN_FOLDER  # noqa: E402
from studio.tasks.prompt import write_answer, write_prompt  # noqa: E402
from studio.tasks.split import split_task  # noqa: E402
from studio.tasks.store import TaskStore  # noqa: E402
from studio.workspace import Workspace  # noqa: E402

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""What "all-linear" comes to in a Llama; Unsloth wants the names."""


class Watcher(TrainerCallback):
    """Watches the training, and notes when the first loss was logged."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.first_loss: float | None = None
        self.losses: list[float] = []

    def on_train_begin(self, args, state, control, **_):  # type: ignore[no-untyped-def]
        self.watch.begin()

    def on_step_end(self, args, state, control, **_):  # type: ignore[no-untyped-def]
        self.watch.step()

    def on_log(self, args, state, control, logs=None, **_):  # type: ignore[no-untyped-def]
        if "loss" in (logs or {}):
            self.losses.append(logs["loss"])
            self.first_loss = self.first_loss or time.perf_counter() - BEGAN


def load_model(folder: str, precision: str, device: str) -> Any:
    """Load a base as the libraries' own pages show it."""
    if precision != "nf4":
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, device_map={"": device})
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=config, dtype=torch.bfloat16, device_map={"": device}
    )
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False  # else its gradients go wrong after an evaluation
    return model


def load_unsloth(folder: str, precision: str, rank: int, checkpoints: bool) -> tuple[Any, Any]:
    """Load a base by Unsloth, its LoRA attached; return model and tokenizer."""
    assert UNSLOTH is not None
    model, tokenizer = UNSLOTH.FastLanguageModel.from_pretrained(
        model_name=folder, max_seq_length=1024, dtype=torch.bfloat16, load_in_4bit=precision == "nf4"
    )
    model = UNSLOTH.FastLanguageModel.get_peft_model(
        model,
        r=rank,
        lora_alpha=16,
        target_modules=LINEAR,
        use_gradient_checkpointing="unsloth" if checkpoints else False,
    )
    return model, tokenizer


def make_trainer(watcher: Watcher) -> SFTTrainer:
    """Make the trainer that the settings ask for."""
    task = TaskStore(Workspace(SETTINGS["folder"])).load_task(SETTINGS["task_id"])
    parts = split_task(task)
    rows = [
        Dataset.from_list(
            [{"prompt": write_prompt(task, i.input), "completion": write_answer(i.output[0])} for i in part]
        )
        for part in (parts.train, parts.validation)
    ]
    config = SFTConfig(
        output_dir=f"{SETTINGS['folder']}/trl",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        **SETTINGS["config"],
    )
    folder, rank = SETTINGS.get("model") or str(BUILTIN_FOLDER), SETTINGS["rank"]
    if UNSLOTH:
        model, tokenizer = load_unsloth(
            folder, SETTINGS["precision"], rank, bool(SETTINGS["config"].get("gradient_checkpointing"))
        )
        lora = None
    else:
        model, tokenizer = load_model(folder, SETTINGS["precision"], config.device.type), None
        tokenizer = AutoTokenizer.from_pretrained(folder)
        lora = LoraConfig(r=rank, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    return SFTTrainer(
        model=model,
        args=config,
        train_dataset=rows[0],
        eval_dataset=rows[1],
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[watcher],
    )


def count_batches(trainer: SFTTrainer) -> dict[str, int]:
    """Return the tokens of an epoch's very batches, padding left out, and those that are learnt."""
    tokens = learnt = 0
    for batch in trainer.get_train_dataloader():
        mask = batch.get("attention_mask")
        tokens += batch["input_ids"].numel() if mask is None else int(mask.sum())
        learnt += int((batch["labels"] != -100).sum())
    return {"tokens": tokens, "learnt": learnt}


def main() -> None:
    """Train, and print what was seen."""
    watcher = Watcher()
    trainer = make_trainer(watcher)
    rows = trainer.train_dataset
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    told = {
        "first_loss_seconds": watcher.first_loss,
        "examples_per_second": len(rows) * trainer.args.num_train_epochs / seconds,
        "validation_loss": trainer.evaluate()["eval_loss"] if SETTINGS.get("evaluate") else None,
        "seconds": seconds,
        "bytes": watcher.watch.peak,
        "moments": watcher.watch.moments,
        "losses": watcher.losses,
        "examples": len(rows),
        **count_batches(trainer),
        "trainable": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }
    print(json.dumps(told))


main()
