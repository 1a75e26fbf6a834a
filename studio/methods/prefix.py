"""Prefix tuning: learnt keys and values before the text, in every layer (Li and Liang 2021, arXiv:2101.00190)."""

from typing import Any, ClassVar

from pydantic import Field

from studio.methods.soft import SoftPrompt


class Prefix(SoftPrompt):
    """Every attention also looks at a few keys and values that no text made, but training."""

    name: ClassVar[str] = "prefix"
    title: ClassVar[str] = "Prefix tuning"
    position: ClassVar[int] = 12
    summary: ClassVar[str] = "Puts learnt tokens before the text, in every layer, as if it had read an instruction."
    when: ClassVar[str] = (
        "When one model serves many tasks at once: each is a small prefix. Stronger than prompt tuning, and at home "
        "with tasks that write text."
    )
    touches: ClassVar[str] = "New keys and values in the attention of every layer; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2101.00190"
    learning_rate_small: ClassVar[float] = 5e-2
    learning_rate_large: ClassVar[float] = 5e-3
    checkpointing_refusal: ClassVar[str | None] = (
        "Prefix tuning keeps its tokens in the cache of keys and values, which gradient checkpointing throws away. "
        "Switch gradient checkpointing off, or choose prompt tuning."
    )

    projection: int = Field(
        0,
        ge=0,
        le=4096,
        title="Projection",
        description="The width of a small network that makes the prefix while training, which steadies it; 0 learns "
        "the prefix itself. Trains many more numbers, and saves as few.",
        json_schema_extra={"advanced": True},
    )

    def count_saved(self, sizes: dict[str, int], buffers: int) -> int:
        """The last layer of a projection is as wide as what it makes for each token."""
        if not self.projection:
            return super().count_saved(sizes, buffers)
        return self.tokens * sizes["prompt_encoder.transform.2.bias"]

    def _configure(self, model: Any) -> Any:
        from peft import PrefixTuningConfig

        return PrefixTuningConfig(
            num_virtual_tokens=self.tokens,
            prefix_projection=self.projection > 0,
            encoder_hidden_size=self.projection or None,
            task_type="CAUSAL_LM",
        )
