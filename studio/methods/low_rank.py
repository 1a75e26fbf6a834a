"""What LoRA and its closest variants have in common: a pair of thin matrices beside each chosen layer."""

from typing import Any, ClassVar

from studio.methods.attaching import attach_config, reads_backwards
from studio.methods.fields import Alpha, Dropout, Rank, Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets


class LowRank(Method):
    """Low-rank adaptation: W stays frozen, W + scale B A is used; the variants differ in scale, start and direction."""

    grows_by_rank: ClassVar[bool] = True
    has_q_form: ClassVar[bool] = True
    touches: ClassVar[str] = "A new pair of thin matrices beside each chosen linear layer; the model itself is frozen."
    learning_rate_small: ClassVar[float] = 2e-3
    learning_rate_large: ClassVar[float] = 2e-4

    rank: Rank = 8
    alpha: Alpha = 16
    dropout: Dropout = 0.0
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose A and B matrices train."""
        from peft import LoraConfig

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=find_targets(model, self.targets),
            fan_in_fan_out=reads_backwards(model),
            task_type="CAUSAL_LM",
            **self._options(),
        )
        return attach_config(model, config, self.title)

    def _options(self) -> dict[str, Any]:
        """What makes this variant what it is, in peft's words."""
        return {}

    @property
    def words(self) -> str:
        """The method with its rank."""
        return f"{self.title}, rank {self.rank}"
