"""LoKr: a Kronecker product of a small matrix and a thin pair (Yeh et al. 2023, arXiv:2309.14859)."""

from typing import Any, ClassVar

from pydantic import Field

from studio.methods.attaching import attach_config, check_right_way_round
from studio.methods.fields import Alpha, Rank, Targets
from studio.methods.loha import refuse_codes
from studio.methods.method import Method
from studio.methods.targets import find_targets
from studio.precisions.precision import Precision


class LoKr(Method):
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
    learning_rate_small: ClassVar[float] = 5e-3
    learning_rate_large: ClassVar[float] = 5e-4

    rank: Rank = 8
    alpha: Alpha = 16
    factor: int = Field(
        -1,
        ge=-1,
        le=1024,
        title="Factor",
        description="How many tiles each side of the matrix is cut into; -1 cuts it as evenly as it goes.",
        json_schema_extra={"advanced": True},
    )
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose small matrix and thin pair a layer train."""
        from peft import LoKrConfig

        check_right_way_round(model, self.title)
        config = LoKrConfig(
            r=self.rank,
            alpha=self.alpha,
            decompose_factor=self.factor,
            target_modules=find_targets(model, self.targets),
            task_type="CAUSAL_LM",
        )
        return attach_config(model, config, self.title)

    def refuses(self, precision: Precision) -> str | None:
        """The product is added to the weight itself."""
        return refuse_codes(self, precision)

    @property
    def words(self) -> str:
        """LoKr with its rank."""
        return f"{self.title}, rank {self.rank}"
