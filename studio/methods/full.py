"""Full fine-tuning: every weight of the model trains."""

from pathlib import Path
from typing import Any, ClassVar

from studio.foreign import Original
from studio.methods.method import Method
from studio.models.architecture import LOCK, find_text_names
from studio.precisions.precision import Precision

READ_FROM = (Original("transformers.PreTrainedModel._init_weights", "5.23.0", "dc93fdd042f3"),)


class Full(Method):
    """All parameters require gradients."""

    name: ClassVar[str] = "full"
    title: ClassVar[str] = "Full fine-tuning"
    position: ClassVar[int] = 2
    summary: ClassVar[str] = "Changes every weight of the model itself."
    when: ClassVar[str] = (
        "When the model is small, or the task is far from what it knows. Needs the most memory, and the saved "
        "file is a whole model."
    )
    touches: ClassVar[str] = "Every weight of the model: embeddings, attention, MLP, norms and the output head."
    paper: ClassVar[str] = "https://arxiv.org/abs/1801.06146"
    learning_rate_small: ClassVar[float] = 5e-4
    learning_rate_large: ClassVar[float] = 2e-5
    saves_whole_model: ClassVar[bool] = True

    def attach(self, model: Any) -> Any:
        """Return the model itself with every parameter training that a text reaches."""
        model.requires_grad_(True)
        is_text, head = find_text_names(model), model.get_output_embeddings()
        kept = {id(value) for value in head.parameters()} if head is not None else set()
        for name, value in model.named_parameters():
            if not is_text(name) and id(value) not in kept:
                value.requires_grad_(False)
        if _empties_padding(model):
            words = model.get_input_embeddings()
            words.weight.register_hook(
                lambda slope: slope.index_fill(0, slope.new_tensor([words.padding_idx]).long(), 0)
            )
        return model

    def restore(self, model: Any, folder: Path) -> bool:
        """Put a checkpoint's weights back, read as transformers reads a model: it saves some under other names."""
        import torch

        with LOCK:
            saved = type(model).from_pretrained(folder, dtype=model.dtype)
        with torch.no_grad():
            for name, value in saved.state_dict().items():
                model.state_dict()[name].copy_(value)
        return True

    def refuses(self, precision: Precision) -> str | None:
        """4-bit codes have no gradient."""
        if precision.quantised:
            return (
                f"Full fine-tuning changes the weights themselves, and {precision.title} weights are rounded codes "
                "that can't be changed a little. Choose LoRA (then it is QLoRA), or 32-bit or 16-bit weights."
            )
        return None


def _empties_padding(model: Any) -> bool:
    """Whether transformers sets the token of padding to zero whenever it loads such a model.

    What would be learnt of it by way of a head that is the table of words would then be gone from what is saved. Found
    out on a table of two words, marked as transformers marks what it has loaded.
    """
    import torch

    words = model.get_input_embeddings()
    if words is None or getattr(words, "padding_idx", None) is None:
        return False
    table = torch.nn.Embedding(2, 1, padding_idx=0, device="cpu")
    with torch.no_grad():
        table.weight.fill_(1)
        setattr(table.weight, "_is_hf_initialized", True)  # noqa: B010  a name that torch doesn't know
        model._init_weights(table)
    return bool(table.weight[0] == 0)
