"""VeRA: one frozen random pair for all layers, two vectors for each (Kopiczko et al. 2023, arXiv:2310.11454)."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from studio.methods.attaching import attach_config, reads_backwards
from studio.methods.fields import Dropout, Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets


class Vera(Method):
    """Vector-based random matrix adaptation: W + diag(b) B diag(d) A, A and B random and shared, b and d trained."""

    name: ClassVar[str] = "vera"
    title: ClassVar[str] = "VeRA"
    position: ClassVar[int] = 6
    has_q_form: ClassVar[bool] = True
    summary: ClassVar[str] = (
        "Puts one random pair of matrices beside all layers, frozen, and trains only two short vectors for each layer."
    )
    when: ClassVar[str] = "When you keep very many adapters: a tenth of LoRA's numbers, for nearly as good answers."
    touches: ClassVar[str] = (
        "Two new vectors beside each chosen linear layer; the model and the random pair are frozen."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2310.11454"
    learning_rate_small: ClassVar[float] = 5e-2
    learning_rate_large: ClassVar[float] = 4e-3

    rank: int = Field(
        256,
        ge=1,
        le=2048,
        title="Rank",
        description="How many rows the random pair has: it costs memory, but trains only one number a row and layer.",
    )
    dropout: Dropout = 0.0
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose vectors b and d train."""
        from peft import VeraConfig

        config = VeraConfig(
            r=self.rank,
            vera_dropout=self.dropout,
            target_modules=find_targets(model, self.targets),
            fan_in_fan_out=reads_backwards(model),
            task_type="CAUSAL_LM",
        )
        return attach_config(model, config, self.title)

    def exchange(self, model: Any, folder: Path, name: str, old: str) -> Any:
        """Begin with the base again: peft gives every adapter the first one's random pair, which may be too small."""
        return self.load(model.unload(), folder, name)

    @property
    def words(self) -> str:
        """VeRA with its rank."""
        return f"{self.title}, rank {self.rank}"
