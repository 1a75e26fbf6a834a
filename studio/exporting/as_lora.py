"""As LoRA: what a tuner of the studio's own learned, as an adapter that peft reads by itself.

New biases on linear layers are exactly a LoRA of rank 1 whose matrices are zeros and whose second one has a bias
(peft's lora_bias). A bottleneck, h + up(f(down(h))), bends, and a LoRA doesn't: f(down(h)) is fitted by the nearest
linear map on the run's own training texts, which makes the detour a LoRA as wide as its bottleneck, and what that loses
is measured. Imports torch inside its functions.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.checkpoints.weights import load_stack
from studio.errors import ModelError
from studio.exporting.form import Source
from studio.merging.rounding import choose_rows, read_scores
from studio.methods.bitfit import has_biases
from studio.models.architecture import LOCK, build_model, read_config_text
from studio.models.facts import find_config_folder
from studio.objectives.objective import Row

if TYPE_CHECKING:
    from torch import Tensor

START = "base_model.model."
FITTED_ON = 128
"""So many training texts a bottleneck is fitted on."""
RIDGE = 1e-4
"""How strongly a fit is held back, as a share of the mean square of what it is fitted on."""


class Thin(NamedTuple):
    """A layer's LoRA with a bias: B A x + bias."""

    a: "Tensor"
    b: "Tensor"
    bias: "Tensor"


def can_be_lora(source: Source) -> bool:
    """Whether the newest change can be one: a bottleneck and new biases can, what is added to a norm's bias can't."""
    tuner = source.made.recipe.method.tuner
    return tuner == "bottleneck" or (tuner == "bias" and not has_biases(find_config_folder(source.stack.base)))


def write_as_lora(source: Source, folder: Path) -> str:
    """Write adapter_config.json and adapter_model.safetensors into a folder; return what is to be said of them."""
    if source.made.recipe.method.tuner == "bias":
        save(read_biases(source), folder)
        return (
            "The biases that were trained are written as a LoRA of rank 1, exactly: its matrices are zeros and its "
            "bias is what was learnt (peft's lora_bias)."
        )
    rows, seen = (choose_rows(source.workspace, source.made.recipe, source.stack, *part) for part in PARTS)
    if not rows or not seen:
        raise ModelError(
            f"A bottleneck becomes a LoRA by its training texts, and the task of {source.made.title} isn't here any "
            "more. Import the task, or train it by LoRA.",
            field="form",
        )
    base = load_stack(source.below, source.made.recipe.precision, source.device)
    base = (base.dequantize() if getattr(base, "is_quantized", False) else base).float()
    before = read_scores(base, seen).loss
    tuned = source.made.recipe.method.load(base, source.made.folder, "tuned")
    exact = read_scores(tuned, seen).loss
    fitted = fit(tuned, rows)
    save(fitted, folder)
    with replaced(tuned, fitted):
        as_lora = read_scores(tuned, seen).loss
    return (
        f"Its bottlenecks bend and a LoRA doesn't, so this is the nearest LoRA on {len(rows)} training texts. Measured "
        f"on {len(seen)} of the validation part: loss {before:.4f} of the base, {exact:.4f} as trained, {as_lora:.4f} "
        "as LoRA. Where that is too far, train it by LoRA."
    )


PARTS: tuple[tuple[str, int], ...] = (("train", FITTED_ON), ("validation", 16))


def read_biases(source: Source) -> dict[str, Thin]:
    """Return new biases by the names of their layers."""
    import torch
    from safetensors.torch import load_file

    with LOCK, torch.device("meta"):
        modules = dict(build_model(read_config_text(find_config_folder(source.stack.base))).named_modules())
    found = {}
    for name, bias in load_file(source.made.folder / "adapter_model.safetensors").items():
        layer = name.removesuffix(".bitfit_bias").removeprefix(START)
        zeros = torch.zeros(1, modules[layer].in_features, device="cpu")
        found[layer] = Thin(zeros, torch.zeros(len(bias), 1), bias.float())
    return found


def list_bottlenecks(model: Any) -> dict[str, Any]:
    """Return the layers of a tuned model that have a detour, by their names in the base. Raises ModelError in words."""
    import torch

    layers = {
        name.removeprefix(START): module for name, module in model.named_modules() if hasattr(module, "bottleneck_up")
    }
    if odd := [name for name, layer in layers.items() if not isinstance(layer.get_base_layer(), torch.nn.Linear)]:
        raise ModelError(
            f"Some bottlenecks come after what is no linear layer, such as {odd[0]}, so they can't become a LoRA. "
            "Train it by LoRA to take it elsewhere.",
            field="form",
        )
    return layers


def fit(tuned: Any, rows: Sequence[Row]) -> dict[str, Thin]:
    """Return the LoRA nearest to each detour, on what passes it when the tuned model reads rows."""
    import torch

    layers = list_bottlenecks(tuned)
    sums = {name: _Sums(layer) for name, layer in layers.items()}
    hooks = [layer.get_base_layer().register_forward_hook(sums[name].add) for name, layer in layers.items()]
    try:
        read_scores(tuned, rows)
    finally:
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        return {name: each.solve() for name, each in sums.items()}


class _Sums:
    """Of one layer the sums that a fit by least squares needs, as texts pass; memory stays flat."""

    def __init__(self, layer: Any) -> None:
        (name,) = layer.bottleneck_down
        self.down, self.up, self.bend = layer.bottleneck_down[name], layer.bottleneck_up[name], layer.bends[name]
        self.base = layer.get_base_layer()
        self.square: Any = 0.0
        self.product: Any = 0.0

    def add(self, module: Any, given: Any, found: Any) -> None:
        """Add what a text is at this place: h with a 1 at its end, and f(down(h))."""
        import torch

        hidden = found.reshape(-1, found.shape[-1]).float()
        inner = self.bend(self.down(hidden)).double()
        whole = torch.cat([hidden, torch.ones(len(hidden), 1, device=hidden.device)], 1).double()
        self.square = self.square + whole.T @ whole
        self.product = self.product + whole.T @ inner

    def solve(self) -> Thin:
        """Return the LoRA: f(down(h)) is about G h + g, h being W x + b."""
        import torch

        held = RIDGE * self.square.diagonal().mean() * torch.eye(len(self.square), dtype=self.square.dtype)
        held[-1, -1] = 0.0
        found = torch.linalg.solve(self.square + held.to(self.square.device), self.product).T.float()
        turn, shift, weight = found[:, :-1], found[:, -1], self.base.weight.float()
        if self.base.bias is not None:
            shift = shift + turn @ self.base.bias.float()
        outer = self.up.weight.float()
        bias = outer @ shift + self.up.bias.float()
        return Thin((turn @ weight).cpu(), outer.cpu(), bias.cpu())


@contextmanager
def replaced(tuned: Any, fitted: dict[str, Thin]) -> Iterator[None]:
    """Let a tuned model compute with LoRAs in place of its bottlenecks."""
    layers = list_bottlenecks(tuned)
    hooks = [
        layer.register_forward_hook(_answer(layer.get_base_layer(), fitted[name])) for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _answer(base: Any, thin: Thin) -> Callable[[Any, Any, Any], Any]:
    a, b, bias = (part.to(base.weight.device) for part in thin)
    return lambda layer, given, found: base(given[0]) + given[0] @ a.T @ b.T + bias


def save(layers: dict[str, Thin], folder: Path) -> None:
    """Write LoRAs with a bias as peft reads them."""
    from peft import LoraConfig
    from safetensors.torch import save_file

    rank = len(next(iter(layers.values())).a)
    given: dict[str, Any] = {"target_modules": list(layers), "task_type": "CAUSAL_LM", "inference_mode": True}
    LoraConfig(r=rank, lora_alpha=rank, lora_bias=True, **given).save_pretrained(folder)
    weights = {}
    for name, thin in layers.items():
        for part, value in (("lora_A.weight", thin.a), ("lora_B.weight", thin.b), ("lora_B.bias", thin.bias)):
            weights[f"{START}{name}.{part}"] = value.contiguous()
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
