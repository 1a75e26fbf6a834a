"""Attaching a peft configuration to a model, and saying in words when the two don't go together."""

from typing import Any

from studio.errors import RecipeError, first_line


def attach_config(model: Any, config: Any, title: str) -> Any:
    """Return a PeftModel of `model`. Raises RecipeError in words where peft has no such layers for it."""
    from peft import get_peft_model

    try:
        return get_peft_model(model, config)
    except (ValueError, TypeError, NotImplementedError, AttributeError) as error:
        way_out = "other target modules, or full fine-tuning" if title == "LoRA" else "LoRA"
        raise RecipeError(
            f"{title} can't be attached to a model of kind {model.config.model_type!r}: "
            f"{first_line(error).rstrip('.')}. Choose {way_out}.",
            field="method.targets" if title == "LoRA" else "method.name",
        ) from error


def reads_backwards(model: Any) -> bool:
    """Whether a model's matrices are stored the other way round, as GPT-2's are."""
    from transformers.pytorch_utils import Conv1D

    return any(isinstance(module, Conv1D) for module in model.modules())


def check_right_way_round(model: Any, title: str) -> None:
    """Raise RecipeError in words for a method that peft has only for layers stored the usual way."""
    if reads_backwards(model):
        raise RecipeError(
            f"{title} needs matrices of outputs x inputs, and a model of kind {model.config.model_type!r} keeps its "
            "own the other way round. Choose LoRA, which takes both.",
            field="method.name",
        )
