"""What prompt, prefix and P-tuning have in common: tokens that are learnt instead of written."""

from pathlib import Path
from typing import Any, ClassVar

from studio.errors import RecipeError, first_line
from studio.methods.fields import VirtualTokens
from studio.methods.method import Method

_STATE = "training_state.safetensors"


class SoftPrompt(Method):
    """Learnt tokens come before whatever the model reads; the model itself is frozen."""

    can_merge: ClassVar[bool] = False  # tokens are no weights

    tokens: VirtualTokens = 20

    def attach(self, model: Any) -> Any:
        """Return a model whose learnt tokens train. Raises RecipeError where they leave no room to read."""
        from studio.methods.tuners.soft_prompt import SoftPromptModel

        context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        if context is not None and self.tokens >= context:
            raise RecipeError(
                f"tokens must be below {context:,}, which is all this model can read, not {self.tokens:,}. Try 20.",
                field="method.tokens",
            )
        try:
            return SoftPromptModel(model, self._configure(model))
        except (AttributeError, TypeError, ValueError) as error:
            raise RecipeError(
                f"{self.title} can't be attached to a model of kind {model.config.model_type!r}: "
                f"{first_line(error).rstrip('.')}. Choose LoRA.",
                field="method.name",
            ) from error

    def _configure(self, model: Any) -> Any:
        """The method in peft's words."""
        raise NotImplementedError

    @property
    def virtual_tokens(self) -> int:
        """The learnt tokens take room in the context."""
        return self.tokens

    def count_saved(self, sizes: dict[str, int], buffers: int) -> int:
        """Only the finished tokens are saved, not what makes them."""
        return sizes["prompt_encoder.embedding"]

    def finish_checkpoint(self, model: Any, folder: Path) -> None:
        """Keep the weights that make the tokens; peft saves the finished tokens alone."""
        from safetensors.torch import save_file

        made = model.prompt_encoder["default"].state_dict()
        save_file({name: value.detach().contiguous() for name, value in made.items()}, folder / _STATE)

    def restore(self, model: Any, folder: Path) -> bool:
        """Put the weights that make the tokens back."""
        from safetensors.torch import load_file

        model.prompt_encoder["default"].load_state_dict(load_file(folder / _STATE, device=str(model.device)))
        return True

    def load(self, base: Any, folder: Path, name: str) -> Any:
        """Return `base` with the learnt tokens of a checkpoint before whatever it reads."""
        from peft import PeftConfig

        from studio.methods.tuners.soft_prompt import SoftPromptModel

        config = PeftConfig.from_pretrained(folder)
        config.inference_mode = True
        model = SoftPromptModel(base, config, name)
        model.load_adapter(folder, name, is_trainable=False)
        return model

    @property
    def words(self) -> str:
        """The method with its number of tokens."""
        return f"{self.title}, {self.tokens} tokens"
