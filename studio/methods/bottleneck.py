"""Bottleneck adapters: a narrow detour after parts of each layer (Houlsby et al. 2019, arXiv:1902.00751)."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.methods.attaching import attach_config
from studio.methods.method import Method
from studio.methods.places import find_outputs


class Bottleneck(Method):
    """h + up(f(down(h))) where attention and MLP write (Houlsby), or the MLP alone (Pfeiffer, arXiv:2005.00247)."""

    name: ClassVar[str] = "bottleneck"
    title: ClassVar[str] = "Bottleneck adapter"
    position: ClassVar[int] = 11
    summary: ClassVar[str] = (
        "Adds a small network after parts of each layer that squeezes the numbers through a bottleneck and back."
    )
    when: ClassVar[str] = (
        "When the task needs a bend that LoRA's straight pair can't make. Costs a little time at each answer, as it "
        "can't be merged into the model."
    )
    touches: ClassVar[str] = "New small networks inside each layer; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/1902.00751"
    tuner: ClassVar[str | None] = "bottleneck"
    can_merge: ClassVar[bool] = False  # its bend is no part of a matrix
    learning_rate_small: ClassVar[float] = 2e-3
    learning_rate_large: ClassVar[float] = 2e-4

    size: int = Field(
        32,
        ge=1,
        le=4096,
        title="Bottleneck size",
        description="How many numbers pass the bottleneck: more can learn more and train more.",
    )
    placement: Literal["houlsby", "pfeiffer"] = Field(
        "pfeiffer",
        title="Placement",
        description="houlsby: after attention and after the MLP of each layer. pfeiffer: after the MLP alone, half as "
        "many numbers for nearly the same.",
    )
    non_linearity: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu",
        title="Non-linearity",
        description="The bend in the middle of the bottleneck.",
        json_schema_extra={"advanced": True},
    )

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose small networks train."""
        from studio.methods.tuners.bottleneck import BottleneckConfig

        places = find_outputs(model)
        config = BottleneckConfig(
            size=self.size,
            non_linearity=self.non_linearity,
            target_modules=[*(places.attention if self.placement == "houlsby" else []), *places.mlp],
            task_type="CAUSAL_LM",
        )
        return attach_config(model, config, self.title)

    @property
    def words(self) -> str:
        """The adapter with its size."""
        return f"{self.title}, {self.size} wide"
