"""TRL's SFTTrainer as its own examples use it, on the same task: what `bench.training` compares with.

Prints JSON: seconds from the start of the script to the first logged loss, examples a second, held-out loss, seconds.
"""

import json
import sys
import time

BEGAN = time.perf_counter()

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from peft import LoraConfig  # noqa: E402
from transformers import AutoModelForCausalLM, TrainerCallback  # noqa: E402
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


def main() -> None:
    """Train `task_id` for `epochs` epochs."""
    folder, task_id, epochs, precision, batch = sys.argv[1:6]
    torch.set_num_threads(2)
    task = TaskStore(Workspace(folder)).load_task(task_id)
    parts = split_task(task)
    rows = [
        Dataset.from_list(
            [{"prompt": write_prompt(task, i.input), "completion": write_answer(i.output[0])} for i in part]
        )
        for part in (parts.train, parts.validation)
    ]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
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
        **({"per_device_train_batch_size": int(batch)} if int(batch) else {}),
    )
    first = FirstLoss()
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(BUILTIN_FOLDER, dtype=dtype),
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
