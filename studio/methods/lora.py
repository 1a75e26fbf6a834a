"""LoRA: a pair of thin matrices beside each chosen layer (Hu et al. 2021, arXiv:2106.09685)."""

from typing import Any, ClassVar

from pydantic import Field

from studio.methods.method import Method
from studio.methods.targets import find_targets


class Lora(Method):
    """Low-rank adaptation: W stays frozen, W + (alpha / rank) B A is used, only A and B train."""

    name: ClassVar[str] = "lora"
    title: ClassVar[str] = "LoRA"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "Freezes the model and trains a pair of thin matrices beside each layer."
    when: ClassVar[str] = "The usual choice: nearly as good as full fine-tuning, with a file of a few megabytes."
    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"
    learning_rate_small: ClassVar[float] = 2e-3
    learning_rate_large: ClassVar[float] = 2e-4
    skips_rows: ClassVar[bool] = True

    rank: int = Field(
        8,
        ge=1,
        le=256,
        title="Rank",
        description="How thin the pair is: a larger rank can learn more and trains more numbers.",
    )
    alpha: int = Field(
        16,
        ge=1,
        le=1024,
        title="Alpha",
        description="How strongly the pair speaks up: its output is multiplied by alpha / rank.",
        json_schema_extra={"advanced": True},
    )
    dropout: float = Field(
        0.0,
        ge=0,
        le=0.9,
        title="Dropout",
        description="The share of inputs that the pair ignores at random while training, against learning by heart.",
        json_schema_extra={"advanced": True},
    )
    targets: str = Field(
        "all-linear",
        min_length=1,
        max_length=500,
        title="Target modules",
        description="Which layers get a pair: all-linear, attention, mlp, or names of layers.",
        json_schema_extra={"suggestions": ["all-linear", "attention", "mlp"]},
    )

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose A and B matrices train."""
        from peft import LoraConfig, get_peft_model
        from transformers.pytorch_utils import Conv1D

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=find_targets(model, self.targets),
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),  # GPT-2's way round
            task_type="CAUSAL_LM",
        )
        return get_peft_model(model, config)

    def factor_counts(self, rows: int, columns: int) -> list[tuple[str, int, int]]:
        """Return A (rank x columns) and B (rows x rank)."""
        return [("A", self.rank, columns), ("B", rows, self.rank)]

    @property
    def words(self) -> str:
        """LoRA with its rank."""
        return f"LoRA, rank {self.rank}"
