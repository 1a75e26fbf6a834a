"""LoHa: two low-rank pairs multiplied number by number (Hyeon-Woo et al. 2021, arXiv:2108.06098)."""

from typing import Any, ClassVar

from studio.methods.attaching import attach_config, check_right_way_round
from studio.methods.fields import Alpha, Rank, Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets
from studio.precisions.precision import Precision


class LoHa(Method):
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
    learning_rate_small: ClassVar[float] = 5e-3
    learning_rate_large: ClassVar[float] = 5e-4

    rank: Rank = 8
    alpha: Alpha = 16
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose four thin matrices a layer train."""
        from peft import LoHaConfig

        check_right_way_round(model, self.title)
        config = LoHaConfig(
            r=self.rank,
            alpha=self.alpha,
            target_modules=find_targets(model, self.targets),
            task_type="CAUSAL_LM",
        )
        return attach_config(model, config, self.title)

    def refuses(self, precision: Precision) -> str | None:
        """The product is added to the weight itself."""
        return refuse_codes(self, precision)

    @property
    def words(self) -> str:
        """LoHa with its rank."""
        return f"{self.title}, rank {self.rank}"


def refuse_codes(method: Method, precision: Precision) -> str | None:
    """Return in words why a product that has a weight's own shape has nothing to be added to in rounded weights."""
    if precision.name != "nf4":
        return None
    return (
        f"{method.title} makes a matrix of a weight's own shape, and {precision.title} weights are packed into one "
        "long row of codes. Choose LoRA, or weights of 8 bits or more."
    )
