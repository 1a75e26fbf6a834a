"""What LoHa and LoKr have in common: a product of small matrices, as large as a weight, is added to the weight."""

from abc import abstractmethod
from typing import Any, ClassVar

from studio.methods.attaching import attach_config, check_right_way_round
from studio.methods.fields import Alpha, Rank, Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets
from studio.precisions.precision import Precision


class Product(Method):
    """W stays frozen, W + s P is used; the variants differ in what the product P is made of."""

    learning_rate_small: ClassVar[float] = 5e-3
    learning_rate_large: ClassVar[float] = 5e-4

    rank: Rank = 8
    alpha: Alpha = 16
    targets: Targets = "all-linear"

    @abstractmethod
    def make_config(self, **shared: Any) -> Any:
        """Return peft's configuration of this variant, of what all have and what it has itself."""

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose small matrices train."""
        check_right_way_round(model, self.title)
        layers = find_targets(model, self.targets)
        config = self.make_config(r=self.rank, alpha=self.alpha, target_modules=layers, task_type="CAUSAL_LM")
        return attach_config(model, config, self.title)

    def refuses(self, precision: Precision) -> str | None:
        """A product that has a weight's own shape has nothing to be added to in weights that are packed."""
        if precision.name != "nf4":
            return None
        return (
            f"{self.title} makes a matrix of a weight's own shape, and {precision.title} weights are packed into one "
            "long row of codes. Choose LoRA, or weights of 8 bits or more."
        )

    @property
    def words(self) -> str:
        """The variant with its rank."""
        return f"{self.title}, rank {self.rank}"
