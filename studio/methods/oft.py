"""OFT: each layer's input is turned, in blocks, and nothing stretched (Qiu et al. 2023, arXiv:2306.07280)."""

from typing import Any, ClassVar

from pydantic import Field

from studio.methods.attaching import attach_config, check_right_way_round
from studio.methods.fields import Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets


class Oft(Method):
    """Orthogonal fine-tuning: W R with R a rotation made of blocks, each from a trained skew-symmetric matrix."""

    name: ClassVar[str] = "oft"
    title: ClassVar[str] = "OFT"
    position: ClassVar[int] = 9
    has_q_form: ClassVar[bool] = True
    summary: ClassVar[str] = "Turns what each layer reads, block by block, without stretching it."
    when: ClassVar[str] = (
        "When the model must keep what it knows: a rotation leaves the angles between a layer's outputs as they are."
    )
    touches: ClassVar[str] = "New rotations in front of each chosen linear layer; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2306.07280"
    learning_rate_small: ClassVar[float] = 5e-3
    learning_rate_large: ClassVar[float] = 5e-4

    block_size: int = Field(
        32,
        ge=2,
        le=256,
        title="Block size",
        description="How many inputs each rotation turns together: a larger block can learn more and trains more "
        "numbers. Where it does not divide a layer, the nearest size that does is taken.",
    )
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose rotations train."""
        from peft import OFTConfig

        check_right_way_round(model, self.title)
        config = OFTConfig(
            oft_block_size=self.block_size,
            target_modules=find_targets(model, self.targets),
            task_type="CAUSAL_LM",
        )
        return attach_config(model, config, self.title)

    def count_saved(self, sizes: dict[str, int], buffers: int) -> int:
        """What is kept besides are tables of places, made again when it is loaded."""
        return super().count_saved(sizes, 0)

    @property
    def words(self) -> str:
        """OFT with its block size."""
        return f"{self.title}, blocks of {self.block_size}"
