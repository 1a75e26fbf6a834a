"""Prompt tuning: learnt tokens before the text (Lester et al. 2021, arXiv:2104.08691)."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.errors import RecipeError
from studio.methods.soft import SoftPrompt


class Prompt(SoftPrompt):
    """The embeddings of a few tokens that come before every text train, and nothing else."""

    name: ClassVar[str] = "prompt"
    title: ClassVar[str] = "Prompt tuning"
    position: ClassVar[int] = 13
    summary: ClassVar[str] = "Puts a few learnt tokens before the text: an instruction in numbers instead of words."
    when: ClassVar[str] = (
        "When the model is large (some billions): then it nearly reaches full fine-tuning with the smallest file of "
        "all. On a small model it learns little."
    )
    touches: ClassVar[str] = "The embeddings of a few new tokens; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2104.08691"
    learning_rate_small: ClassVar[float] = 1e-1
    learning_rate_large: ClassVar[float] = 2e-2

    init: Literal["random", "text"] = Field(
        "random",
        title="Start",
        description="random: the tokens begin as words drawn from the vocabulary. text: as the words below.",
    )
    text: str = Field(
        "Read the text and answer in the way that is wanted.",
        min_length=1,
        max_length=2000,
        title="First words",
        description="What the learnt tokens begin as, when the start is text; repeated or cut to fit.",
        json_schema_extra={"advanced": True},
    )

    def attach(self, model: Any) -> Any:
        """Return a model whose learnt tokens begin as words."""
        import torch

        folder, device = getattr(model, "name_or_path", ""), model.device
        model = super().attach(model)
        if device.type != "meta":
            words = model.get_base_model().get_input_embeddings().weight
            with torch.no_grad():
                first = words[self._choose_tokens(folder, len(words)).to(words.device)]
                model.prompt_encoder["default"].embedding.weight.copy_(first.float())
        return model

    def _choose_tokens(self, folder: str, vocabulary: int) -> Any:
        """The ids that the learnt tokens begin as."""
        import torch

        if self.init == "random":
            return torch.randint(0, vocabulary, (self.tokens,))
        from studio.models.loading import load_tokenizer

        ids = load_tokenizer(Path(folder))(self.text, add_special_tokens=False)["input_ids"]
        if not ids:
            raise RecipeError("text has no token to begin as. Write a few words.", field="method.text")
        return torch.tensor((ids * self.tokens)[: self.tokens])

    def _configure(self, model: Any) -> Any:
        from peft import PromptTuningConfig

        return PromptTuningConfig(num_virtual_tokens=self.tokens, task_type="CAUSAL_LM")
