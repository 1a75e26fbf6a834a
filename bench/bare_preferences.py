"""TRL's DPOTrainer and GRPOTrainer as its own pages use them: what preferences and rewards here are compared with.

`python -m bench.bare_preferences SETTINGS`, where SETTINGS is JSON: `what` is dpo or grpo; `rows` [{"prompt", "chosen",
"rejected"}] or [{"prompt"}]; `rank`; `config` of the trainer. Prints JSON: `seconds` of training, and of GRPO the
`tokens` that were written. What an answer is worth to GRPO is one for each of at most eight words, as the rule `length`
has it.
"""

import json
import sys
import tempfile
import time
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer

from studio.models.reference import BUILTIN_FOLDER
from studio.rewards import REWARDS

SETTINGS = json.loads(sys.argv[1])
QUIET = {
    "save_strategy": "no", "report_to": [], "disable_tqdm": True, "use_cpu": True, "bf16": False,
    "gradient_checkpointing": False, "logging_steps": 1,
}  # fmt: skip
WRITTEN = [0]


class Counter(TrainerCallback):
    """Counts the tokens that were written."""

    def on_log(self, args, state, control, logs=None, **_):  # type: ignore[no-untyped-def]
        answers = args.per_device_train_batch_size * args.gradient_accumulation_steps
        WRITTEN[0] += round((logs or {}).get("completions/mean_length", 0.0) * answers)


def judge(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
    """What answers are worth."""
    rule = REWARDS.read({"name": "length", "fewest": 1, "most": 8})
    return [rule.judge(answer, ()) for answer in completions]


def main() -> None:
    """Train, and print how long it took."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32)
    common: dict[str, Any] = {
        "model": model,
        "train_dataset": Dataset.from_list(SETTINGS["rows"]),
        "processing_class": AutoTokenizer.from_pretrained(BUILTIN_FOLDER),
        "peft_config": LoraConfig(
            r=SETTINGS["rank"], lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        config = {"output_dir": folder, **QUIET, **SETTINGS["config"]}
        trainer: Any = (
            DPOTrainer(args=DPOConfig(**config), **common)
            if SETTINGS["what"] == "dpo"
            else GRPOTrainer(args=GRPOConfig(**config), reward_funcs=judge, callbacks=[Counter()], **common)
        )
        began = time.perf_counter()
        trainer.train()
        print(json.dumps({"seconds": time.perf_counter() - began, "tokens": WRITTEN[0]}))


if __name__ == "__main__":
    main()
