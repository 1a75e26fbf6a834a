"""DoRA: LoRA for a weight's direction, and its length trained apart (Liu et al. 2024, arXiv:2402.09353)."""

from typing import Any, ClassVar

from studio.methods.low_rank import LowRank
from studio.precisions.precision import Precision


class Dora(LowRank):
    """Weight-decomposed low-rank adaptation: m (W + s B A) / ||W + s B A||, with m, A and B trained."""

    name: ClassVar[str] = "dora"
    title: ClassVar[str] = "DoRA"
    position: ClassVar[int] = 3
    summary: ClassVar[str] = "LoRA that turns each weight and sets its length apart from its direction."
    when: ClassVar[str] = (
        "When LoRA of a small rank is not quite good enough. Often a little better, and a half slower to train."
    )
    touches: ClassVar[str] = (
        "A new pair of thin matrices and a length for each output of each chosen linear layer; the model is frozen."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2402.09353"

    def refuses(self, precision: Precision) -> str | None:
        """The length of a weight is read off the weight itself."""
        if precision.name == "int8":
            return (
                f"DoRA reads the length of every weight, and bitsandbytes loses the scales of {precision.title} "
                "weights when they are read back. Choose LoRA, or weights of 4, 16 or 32 bits."
            )
        return None

    def _options(self) -> dict[str, Any]:
        return {"use_dora": True}
