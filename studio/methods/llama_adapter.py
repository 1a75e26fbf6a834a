"""LLaMA-Adapter: learnt tokens in each attention behind a gate (Zhang et al. 2023, arXiv:2303.16199)."""

from typing import Any, ClassVar

from pydantic import Field

from studio.errors import RecipeError
from studio.methods.attaching import attach_config
from studio.methods.fields import VirtualTokens
from studio.methods.method import Method

KINDS = ("llama", "mistral", "gpt2")


class LlamaAdapter(Method):
    """Each attention also looks at a few learnt tokens, as much as a trained gate lets through."""

    name: ClassVar[str] = "llama_adapter"
    title: ClassVar[str] = "LLaMA-Adapter"
    position: ClassVar[int] = 15
    summary: ClassVar[str] = (
        "Gives each attention a few learnt tokens of its own behind a gate that begins closed, so that training starts "
        "from the model as it is. For Llama, Mistral and GPT-2 models."
    )
    when: ClassVar[str] = "When prefix tuning is unstable at its start: nothing changes until the gate opens."
    touches: ClassVar[str] = "A few new tokens and one gate in the attention of each layer; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2303.16199"
    can_merge: ClassVar[bool] = False  # tokens are no weights
    learning_rate_small: ClassVar[float] = 5e-2
    learning_rate_large: ClassVar[float] = 9e-3

    tokens: VirtualTokens = 10
    layers: int = Field(
        0,
        ge=0,
        le=1000,
        title="Layers",
        description="How many layers, from the top, get tokens; 0 means all. The paper leaves the lowest two out.",
        json_schema_extra={"advanced": True},
    )

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose tokens and gates train."""
        from peft import AdaptionPromptConfig

        config = model.config
        if config.model_type not in KINDS:
            raise RecipeError(
                f"LLaMA-Adapter is made for models of kind {', '.join(KINDS)}, and this one is {config.model_type!r}. "
                "Choose prefix tuning, which learns tokens for any model.",
                field="method.name",
            )
        if self.layers > config.num_hidden_layers:
            raise RecipeError(
                f"layers must be at most {config.num_hidden_layers}, which is all this model has, not {self.layers}. "
                "Try 0, which means all.",
                field="method.layers",
            )
        if getattr(config, "head_dim", None) not in (None, config.hidden_size // config.num_attention_heads):
            raise RecipeError(
                "LLaMA-Adapter needs heads that together are as wide as the model, and this model's are not. Choose "
                "prefix tuning.",
                field="method.name",
            )
        attentions = [name for name, _ in model.named_modules() if name.split(".")[-1] in ("self_attn", "attn")]
        layers = self.layers or len(attentions)
        prompt = AdaptionPromptConfig(adapter_len=self.tokens, adapter_layers=layers, task_type="CAUSAL_LM")
        return attach_config(model, prompt, self.title)

    @property
    def is_alike_in_all_layers(self) -> bool:
        """Whether all layers get tokens."""
        return self.layers == 0

    @property
    def words(self) -> str:
        """LLaMA-Adapter with its number of tokens."""
        return f"{self.title}, {self.tokens} tokens a layer"
