"""LoRA: a pair of thin matrices beside each chosen layer (Hu et al. 2021, arXiv:2106.09685).

Two later ideas are settings of it: PiSSA starts the pair from the layer's own largest directions (Meng et al. 2024,
arXiv:2404.02948), LoRA+ lets the second matrix learn faster than the first (Hayou et al. 2024, arXiv:2402.12354).
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.methods import pissa
from studio.methods.low_rank import LowRank
from studio.precisions.precision import Precision


class Lora(LowRank):
    """Low-rank adaptation: W stays frozen, W + (alpha / rank) B A is used, only A and B train."""

    name: ClassVar[str] = "lora"
    title: ClassVar[str] = "LoRA"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "Freezes the model and trains a pair of thin matrices beside each layer."
    when: ClassVar[str] = "The usual choice: nearly as good as full fine-tuning, with a file of a few megabytes."
    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"
    skips_rows: ClassVar[bool] = True

    init: Literal["zero", "pissa"] = Field(
        "zero",
        title="Start",
        description="zero: the pair begins as nothing. pissa: as the layer's own largest directions, which often "
        "learns faster; what is saved is an ordinary LoRA of twice the rank.",
        json_schema_extra={"advanced": True},
    )
    plus_ratio: float = Field(
        1.0,
        ge=1,
        le=64,
        title="LoRA+ ratio",
        description="How many times faster the second matrix of each pair learns than the first; 1 is plain LoRA, "
        "LoRA+ takes 16.",
        json_schema_extra={"advanced": True},
    )

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose A and B matrices train."""
        is_real = not model.device.type == "meta"
        model = super().attach(model)
        if self.init == "pissa" and is_real:
            pissa.start(model)
        return model

    def refuses(self, precision: Precision) -> str | None:
        """PiSSA changes the weights it starts from, which codes don't allow."""
        if self.init == "pissa" and precision.quantised:
            return (
                f"PiSSA takes its pair out of the weights themselves, and {precision.title} weights are rounded codes "
                "it can't take anything out of. Choose the start zero, or 32-bit or 16-bit weights."
            )
        return None

    def count_saved(self, sizes: dict[str, int], buffers: int) -> int:
        """PiSSA saves the pair and its start."""
        return (2 if self.init == "pissa" else 1) * super().count_saved(sizes, buffers)

    def group_parameters(self, model: Any, learning_rate: float, weight_decay: float) -> list[dict[str, Any]] | None:
        """Return A at the learning rate and B at `plus_ratio` times it."""
        if self.plus_ratio == 1:
            return None
        trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
        rates = {False: learning_rate, True: learning_rate * self.plus_ratio}
        return [
            {
                "params": [value for name, value in trained if ("lora_B" in name) == second],
                "lr": rate,
                "weight_decay": weight_decay,
            }
            for second, rate in rates.items()
        ]

    def finish_checkpoint(self, model: Any, folder: Path) -> None:
        """Keep PiSSA's own pair for resuming, and turn what is answered with into a plain LoRA."""
        if self.init == "pissa":
            pissa.convert(model, folder)

    def restore(self, model: Any, folder: Path) -> bool:
        """Put PiSSA's own pair back; plain LoRA needs nothing of its own."""
        return self.init == "pissa" and pissa.restore(model, folder)
