"""TRL's SFTTrainer as its own examples use it, on the same task: what `bench.training` compares with.

Prints JSON: seconds from the start of the script to the first logged loss, examples a second, held-out loss, seconds.
"""

import json
import sys
import time
from typing import Any

BEGAN = time.perf_counter()

import torch  # noqa: E402
from bitsandbytes.nn import Linear4bit  # noqa: E402
from datasets import Dataset  # noqa: E402
from peft import LoraConfig, prepare_model_for_kbit_training  # noqa: E402
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

from studio.models.reference import BUILTIN_FOLDER  # noqa: E402
from studio.tasks.prompt import write_answer, write_prompt  # noqa: E402
from studio.tasks.split import split_task  # noqa: E402
from studio.tasks.store import TaskStore  # noqa: E402
from studio.workspace import Workspace  # noqa: E402


class FirstLoss(TrainerCallback):
    """Notes when the first loss was logged."""

    seconds: float | None = None

    def on_log(self, args, state, control, logs=None, **_):  # type: ignore[no-untyped-def]
        if self.seconds is None and "loss" in (logs or {}):
            self.seconds = time.perf_counter() - BEGAN


def load_model(precision: str) -> Any:
    """Load the built-in base as the libraries' own pages show it."""
    if precision == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        model = AutoModelForCausalLM.from_pretrained(BUILTIN_FOLDER, quantization_config=config, device_map={"": "cpu"})
        for module in model.modules():
            if isinstance(module, Linear4bit):
                module.support_avx512bf16_for_cpu = False  # else its gradients go wrong after an evaluation
        return prepare_model_for_kbit_training(model)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return AutoModelForCausalLM.from_pretrained(BUILTIN_FOLDER, dtype=dtype)


def main() -> None:
    """Train `task_id` of the workspace `folder` for `epochs` epochs, the base stored at `precision`."""
    folder, task_id, epochs, precision = sys.argv[1:5]
    task = TaskStore(Workspace(folder)).load_task(task_id)
    parts = split_task(task)
    rows = [
        Dataset.from_list(
            [{"prompt": write_prompt(task, i.input), "completion": write_answer(i.output[0])} for i in part]
        )
        for part in (parts.train, parts.validation)
    ]
    config = SFTConfig(
        output_dir=f"{folder}/trl",
        num_train_epochs=float(epochs),
        learning_rate=2e-3,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
    )
    first = FirstLoss()
    trainer = SFTTrainer(
        model=load_model(precision),
        args=config,
        train_dataset=rows[0],
        eval_dataset=rows[1],
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[first],
    )
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "first_loss_seconds": first.seconds,
                "examples_per_second": len(rows[0]) * float(epochs) / seconds,
                "held_out_loss": trainer.evaluate()["eval_loss"],
                "seconds": seconds,
            }
        )
    )


main()
