"""LoKr: a Kronecker product of a small matrix and a thin pair (Yeh et al. 2023, arXiv:2309.14859)."""

from typing import Any, ClassVar

from pydantic import Field

from studio.methods.product import Product


class LoKr(Product):
    """Low-rank Kronecker product: W + s C x (B A), a few numbers repeated over the whole matrix."""

    name: ClassVar[str] = "lokr"
    title: ClassVar[str] = "LoKr"
    position: ClassVar[int] = 8
    summary: ClassVar[str] = (
        "Trains a small matrix and a thin pair for each layer, and lays the pair out once for each of its numbers."
    )
    when: ClassVar[str] = "When the file must be tiny and still reach every part of each matrix."
    touches: ClassVar[str] = "A new small matrix and a thin pair beside each chosen linear layer; the model is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2309.14859"

    factor: int = Field(
        -1,
        ge=-1,
        le=1024,
        title="Factor",
        description="How many tiles each side of the matrix is cut into; -1 cuts it as evenly as it goes.",
        json_schema_extra={"advanced": True},
    )

    def make_config(self, **shared: Any) -> Any:
        """Return a small matrix and a thin pair a layer."""
        from peft import LoKrConfig

        return LoKrConfig(decompose_factor=self.factor, **shared)
