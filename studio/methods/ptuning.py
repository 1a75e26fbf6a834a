"""P-tuning: learnt tokens that a small network makes (Liu et al. 2021, arXiv:2103.10385)."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.methods.soft import SoftPrompt


class PTuning(SoftPrompt):
    """A small network writes the tokens before the text while training; only what it wrote is kept to answer with."""

    name: ClassVar[str] = "ptuning"
    title: ClassVar[str] = "P-tuning"
    position: ClassVar[int] = 14
    summary: ClassVar[str] = (
        "Puts learnt tokens before the text that a small network makes together, so that they fit each other."
    )
    when: ClassVar[str] = "When prompt tuning is slow to start learning: the network finds good tokens sooner."
    touches: ClassVar[str] = "A few new tokens and the small network that makes them; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2103.10385"
    learning_rate_small: ClassVar[float] = 1e-2
    learning_rate_large: ClassVar[float] = 1e-3

    width: int = Field(
        128,
        ge=1,
        le=4096,
        title="Width",
        description="How wide the small network is.",
        json_schema_extra={"advanced": True},
    )
    network: Literal["mlp", "lstm"] = Field(
        "mlp",
        title="Network",
        description="What makes the tokens: an MLP each by itself, an LSTM one after the other, as in the paper.",
        json_schema_extra={"advanced": True},
    )

    def _configure(self, model: Any) -> Any:
        from peft import PromptEncoderConfig

        return PromptEncoderConfig(
            num_virtual_tokens=self.tokens,
            encoder_hidden_size=self.width,
            encoder_reparameterization_type=self.network.upper(),
            task_type="CAUSAL_LM",
        )
