"""LoHa: two low-rank pairs multiplied number by number (Hyeon-Woo et al. 2021, arXiv:2108.06098)."""

from typing import Any, ClassVar

from studio.methods.product import Product


class LoHa(Product):
    """Low-rank Hadamard product: W + s (B1 A1) * (B2 A2), which reaches rank squared with two pairs."""

    name: ClassVar[str] = "loha"
    title: ClassVar[str] = "LoHa"
    position: ClassVar[int] = 7
    summary: ClassVar[str] = "Trains two thin pairs beside each layer and multiplies them, number by number."
    when: ClassVar[str] = (
        "When LoRA of the same size seems too simple for the task: the product of two pairs bends in more directions."
    )
    touches: ClassVar[str] = "Two new pairs of thin matrices beside each chosen linear layer; the model is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2108.06098"

    def make_config(self, **shared: Any) -> Any:
        """Return two pairs a layer."""
        from peft import LoHaConfig

        return LoHaConfig(**shared)
