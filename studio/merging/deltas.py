"""Deltas: what a parent added to each weight of the base, in 32 bits, read weight by weight.

Of a plain LoRA that is scale x B A, of its file; of anything else what its merged weights differ by from the base's,
which are written to disk once and read from there. Imports torch inside its functions.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.weights import load_stack
from studio.errors import ModelError
from studio.methods import METHODS
from studio.models.device import DeviceFacts
from studio.models.loading import find_model_folder, load_base, return_memory
from studio.models.reference import read_config
from studio.models.weights_file import read_header, read_weight
from studio.precisions import PRECISIONS, Precision

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = {"use_dora": False, "bias": "none", "modules_to_save": None, "target_parameters": None, "lora_bias": False}
"""What a LoRA's configuration says where B A is all that was learnt."""
ENDS = (".lora_A.weight", ".lora_B.weight")
"""What the names of its weights end with."""


class Pair(NamedTuple):
    """Two thin matrices of one weight: its delta is scale x B A (out x in), turned round where `turned`."""

    a: "Tensor"
    b: "Tensor"
    scale: float
    turned: bool


class Deltas:
    """What one parent added; `names` are the weights that it changed."""

    def __init__(self, title: str, names: tuple[str, ...], find: "Callable[[str], Tensor | None]") -> None:
        self.title, self.names, self._find = title, names, find
        self.pairs: dict[str, Pair] | None = None
        """Of a plain LoRA the pairs themselves, by the weight's name."""

    def read(self, name: str) -> "Tensor | None":
        """Return the delta of a weight, None where it is as it was. Raises ModelError for what is no number."""
        import torch

        delta = self._find(name) if name in self.names else None
        if delta is not None and not torch.isfinite(delta).all():
            raise refuse_numbers(self.title, name)
        return delta


def refuse_numbers(title: str, name: str) -> ModelError:
    """Return the words for weights that are NaN or infinite."""
    return ModelError(
        f"{title} holds weights that are no numbers any more, in {name}. Choose an earlier checkpoint.", field="parents"
    )


def find_ground(stack: Stack) -> Precision:
    """Return how the base was stored that a stack was trained on."""
    first = stack.needed[0]
    return PRECISIONS.read("fp32") if first.is_whole else first.recipe.precision


def load_ground(stacks: Sequence[Stack], precision: Precision, device: DeviceFacts) -> Any:
    """Return the base of stacks as a model in 32 bits, each weight what its code stands for.

    It has a place for everything that a stack adds to.
    """
    model = load_base(find_model_folder(stacks[0].base), precision, device)
    model = (model.dequantize() if getattr(model, "is_quantized", False) else model).float()
    methods = [change.recipe.method for stack in stacks for change in stack.adapters]
    whole = [change for stack in stacks for change in stack.needed if change.is_whole]
    if any(read_config(change.folder).get("mlp_bias") for change in whole):
        methods.append(METHODS.read("bitfit"))
    for method in methods:
        method.make_places(model)
    return model


def open_deltas(stack: Stack, ground: Callable[[], Any], scratch: Path, device: DeviceFacts) -> Deltas:
    """Return what a stack added to its base, which `ground` loads; `scratch` is a file that may be written."""
    title = stack.changes[-1].title
    if pairs := read_pairs(stack):
        return open_pairs(title, pairs)
    write_weights(stack, scratch, device)
    return open_difference(title, ground(), scratch)


def open_pairs(title: str, pairs: dict[str, Pair]) -> Deltas:
    """Return the deltas of pairs. Raises ModelError for what is no number."""
    import torch

    for name, pair in pairs.items():
        if not (torch.isfinite(pair.a).all() and torch.isfinite(pair.b).all()):
            raise refuse_numbers(title, name)

    def multiply(name: str) -> "Tensor":
        pair = pairs[name]
        delta = pair.scale * (pair.b.float() @ pair.a.float())
        return delta.T if pair.turned else delta

    deltas = Deltas(title, tuple(pairs), multiply)
    deltas.pairs = pairs
    return deltas


def is_plain(stack: Stack) -> bool:
    """Whether what a stack added is one adapter, and that a plain LoRA: scale x B A and nothing else."""
    folder = stack.needed[0].folder
    if len(stack.needed) != 1 or stack.needed[0].is_whole:
        return False
    told = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    if told.get("peft_type") != "LORA" or any(told.get(key, usual) != usual for key, usual in PLAIN.items()):
        return False
    return all(name.endswith(ENDS) for name in read_header(folder / "adapter_model.safetensors").names)


def read_pairs(stack: Stack) -> dict[str, Pair] | None:
    """Return the pairs of a plain LoRA by the names of their weights, None for anything else."""
    from peft import PeftConfig
    from peft.utils.other import get_pattern_key
    from safetensors.torch import load_file

    if not is_plain(stack):
        return None
    config = PeftConfig.from_pretrained(stack.needed[0].folder)
    weights = load_file(stack.needed[0].folder / "adapter_model.safetensors")
    pairs = {}
    for name in weights:
        if name.endswith(ENDS[0]):
            layer = name.removesuffix(ENDS[0]).removeprefix("base_model.model.")
            rank = config.rank_pattern.get(get_pattern_key(config.rank_pattern.keys(), layer), config.r)
            alpha = config.alpha_pattern.get(get_pattern_key(config.alpha_pattern.keys(), layer), config.lora_alpha)
            scale = alpha / (rank**0.5 if config.use_rslora else rank)
            second = weights[name.removesuffix(ENDS[0]) + ENDS[1]]
            pairs[f"{layer}.weight"] = Pair(weights[name], second, scale, bool(config.fan_in_fan_out))
    return pairs


def write_weights(stack: Stack, file: Path, device: DeviceFacts) -> None:
    """Write what a stack's weights come to, in 32 bits and under the names that the loaded model has."""
    from safetensors.torch import save_file

    model = load_stack(stack, PRECISIONS.read("fp32"), device)
    save_file({name: value.detach().float().cpu().contiguous() for name, value in model.named_parameters()}, file)
    del model
    return_memory()


def open_difference(title: str, ground: Any, file: Path) -> Deltas:
    """Return what the weights of a file differ by from the ground's."""
    import torch

    names = read_header(file).names
    if strange := names - dict(ground.named_parameters()).keys():
        raise ModelError(
            f"{title} has {len(strange)} weights that its base has no place for, such as {min(strange)}. Leave it out.",
            field="parents",
        )
    base = {name: value for name, value in ground.named_parameters() if name in names}
    changed = [name for name, value in base.items() if not torch.equal(read_weight(file, name), value.cpu())]
    kept_base = {name: base[name].detach().cpu().clone() for name in changed}

    def subtract(name: str) -> "Tensor":
        return read_weight(file, name) - kept_base[name]

    return Deltas(title, tuple(changed), subtract)
