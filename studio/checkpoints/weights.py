"""The weights that a stack comes to: the base's, with each adapter merged into them in memory.

Each adapter is merged at the precision it was trained at, and what comes out is then stored as the next one had it, so
a run begins with the very answers that the run below it ended with. Codes of 4 and 8 bits can't take an adapter up
without being rounded again: a base in codes is unpacked first, and nothing is packed again. Imports torch inside its
functions.
"""

from pathlib import Path
from typing import Any

from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.made_on import check_base
from studio.errors import ModelError, first_line
from studio.methods import Method
from studio.models.device import DeviceFacts, is_out_of_memory
from studio.models.facts import find_config_folder
from studio.models.loading import find_model_folder, load_base
from studio.models.reference import read_config
from studio.models.stored import read_stored
from studio.models.weights_file import read_header
from studio.precisions import Precision


def check_stack(stack: Stack, precision: Precision) -> None:
    """Raise ModelError in words where nothing can be trained on top of a stack, stored at `precision`."""
    for made in stack.changes:
        made.check_can("answer")
    for change in stack.adapters:
        method = change.recipe.method
        if not method.merges_into(find_config_folder(stack.base)):
            raise ModelError(
                f"{change.title} was trained by {method.title}, and what that adds can't be merged into the weights, "
                "so nothing can be trained on top of it. Resume that run instead, or train it again by LoRA.",
                field="model",
            )
    if stack.adapters and precision.quantised:
        raise ModelError(
            f"{stack.adapters[-1].title} would be merged into {precision.title} weights and rounded away there. Choose "
            "16 or 32 bits to train on top of it.",
            field="precision",
        )
    if stack.adapters and read_stored(read_config(find_config_folder(stack.base))):
        raise ModelError(
            f"The base of {stack.adapters[-1].title} is stored in codes, into which what was learnt can't be merged. "
            "Train on the model that base was made from.",
            field="model",
        )


def load_stack(stack: Stack, precision: Precision, device: DeviceFacts, gradients: bool = False) -> Any:
    """Return the frozen model of a stack, stored at `precision`. Raises ModelError in words.

    `gradients` prepares a quantised model so that gradients reach the adapters below it.
    """
    adapters = stack.adapters
    whole = stack.needed[0] if len(adapters) < len(stack.needed) else None
    if stack.changes:
        check_base(stack, find_model_folder(stack.base))
    folder = whole.folder if whole else find_model_folder(stack.base)
    if not adapters:
        return load_base(folder, precision, device, gradients)
    model = load_base(folder, adapters[0].recipe.precision, device)
    for place, change in enumerate(adapters):
        following = adapters[place + 1].recipe.precision if place + 1 < len(adapters) else precision
        model = merge_adapter(_unpack(model), change.recipe.method, change.folder, change.title)
        store_as(model, following, device)
    model.requires_grad_(False)
    return model.eval()


def merge_adapter(model: Any, method: Method, folder: Path, title: str) -> Any:
    """Return a model with an adapter merged into its weights. Raises ModelError where it isn't one of this model."""
    try:
        tuned = method.load(model, folder, "merged")
        check_adapter(tuned, folder, "merged")
    except Exception as error:  # the files may be anybody's, and each library has errors of its own
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"{title} does not fit the model it was made on: was that model changed since? ({first_line(error)})",
            field="model",
        ) from error
    model = tuned.merge_and_unload()
    vars(model).pop("peft_config", None)  # else the next method takes it for an adapter that is still there
    return model


def check_adapter(model: Any, folder: Path, name: str) -> None:
    """Raise ValueError where the file and the adapter differ: peft leaves what it was not given as it was born."""
    from peft import get_peft_model_state_dict

    wanted = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False).keys()
    given = read_header(folder / "adapter_model.safetensors").names
    strange = (wanted - given) | (given - wanted - model.state_dict().keys())
    if strange:
        raise ValueError(f"{len(strange)} weights are of another model, such as {min(strange)}")


def store_as(model: Any, precision: Precision, device: DeviceFacts) -> None:
    """Round a model's weights as loading it at `precision` would; codes are no such precision."""
    import torch

    from studio.models.wide import widen_products

    dtype = precision.load_arguments(device.kind, device.half)["dtype"]
    kept = (*(model._keep_in_fp32_modules or ()), *(getattr(model, "_keep_in_fp32_modules_strict", None) or ()))
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.data = value.data.to(torch.float32 if any(part in name for part in kept) else dtype)
    model.config.dtype = dtype
    widen_products(model, device)


def _unpack(model: Any) -> Any:
    """A model without codes: each weight is what its code stands for."""
    return model.dequantize() if getattr(model, "is_quantized", False) else model
