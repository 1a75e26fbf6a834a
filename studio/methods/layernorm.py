"""LayerNorm tuning: only the norms between the layers train (Zhao et al. 2023, arXiv:2312.11420)."""

from typing import Any, ClassVar

from studio.methods.attaching import attach_config
from studio.methods.method import Method
from studio.methods.places import find_norms


class LayerNorm(Method):
    """Copies of all norms, kept in 32 bits, train; the originals stay beside them."""

    name: ClassVar[str] = "layernorm"
    title: ClassVar[str] = "LayerNorm tuning"
    position: ClassVar[int] = 17
    summary: ClassVar[str] = "Trains only the norms, the factors by which the model evens its numbers out."
    when: ClassVar[str] = (
        "When the task needs another tone rather than new knowledge; a few thousand numbers, very fast."
    )
    touches: ClassVar[str] = "The weights (and biases, if any) of every norm of the model, as a copy in 32 bits."
    paper: ClassVar[str] = "https://arxiv.org/abs/2312.11420"
    tuner: ClassVar[str | None] = "norm"
    learning_rate_small: ClassVar[float] = 2e-2
    learning_rate_large: ClassVar[float] = 1e-3

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose copies of the norms train."""
        from studio.methods.tuners.norm import NormConfig

        return attach_config(model, NormConfig(target_modules=find_norms(model), task_type="CAUSAL_LM"), self.title)
