"""Which layers of a model quantisation reaches, by transformers' own rule.

It replaces torch's own linear layers and GPT-2's, and neither those of a class of their own, nor tensors that hold many
experts, nor what the answer is read off. Knows no precision: 4 and 8 bits reach the same.
"""

from collections.abc import Sequence
from typing import Any

from studio.foreign import Original

READ_FROM = (
    Original("transformers.integrations.bitsandbytes.replace_with_bnb_linear", "5.23.0", "4a46ceb351b4"),
    Original("transformers.quantizers.base.HfQuantizer.get_modules_to_not_convert", "5.23.0", "d16bf5c12fb6"),
)


def list_reached(model: Any, skipped: Sequence[str] = ()) -> list[str]:
    """Return the names of the layers whose weights would be stored as codes; `skipped` are those a checkpoint names."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    kept = HfQuantizer.get_modules_to_not_convert(model, [*skipped] or None, model._keep_in_fp32_modules)
    return [
        name
        for name, module in model.named_modules()
        if (type(module) is Linear or isinstance(module, Conv1D)) and should_convert_module(name, kept)
    ]
