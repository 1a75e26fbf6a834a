"""Biases as a tuner of peft: a trained vector is added to an output (Ben Zaken et al. 2021, arXiv:2106.10199)."""

from dataclasses import dataclass, field
from typing import Any

import torch
from peft.config import PeftConfig
from peft.utils import PeftType
from torch import nn

from studio.methods.tuners.beside import BesideLayer, BesideModel
from studio.methods.tuners.registering import register_tuner


@dataclass
class BiasConfig(PeftConfig):
    """Which modules' biases train."""

    target_modules: list[str] | str | None = field(default=None, metadata={"help": "The modules with a bias."})
    exclude_modules: list[str] | str | None = field(default=None, metadata={"help": "Modules to leave alone."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PeftType.BITFIT


class BiasLayer(BesideLayer):
    """A module whose output gets a trained vector added: to train that is to train its bias, or to give it one."""

    adapter_layer_names = ("bitfit_bias",)

    def make_room(self) -> None:
        """Make the container of the vectors."""
        self.bitfit_bias = nn.ParameterDict()

    def add(self, adapter_name: str, config: BiasConfig) -> None:
        """Add a vector of zeros as long as the module's output."""
        base = self.get_base_layer()
        length = len(base.bias) if base.bias is not None else getattr(base, "out_features", None) or base.nf
        self.bitfit_bias[adapter_name] = nn.Parameter(torch.zeros(length, device=base.weight.device))

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add what was trained to the module's bias, which it gets where it has none."""
        base = self.get_base_layer()
        for name in adapter_names or self.active_adapters:
            if name in self.bitfit_bias:
                added = self.bitfit_bias[name].detach().to(base.weight.dtype)
                base.bias = nn.Parameter(added.clone() if base.bias is None else base.bias.detach() + added, False)
                self.merged_adapters.append(name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module returns, with the trained vector added."""
        found = self.base_layer(*args, **kwargs)
        if self.disable_adapters:
            return found
        for name in self.active_adapters:
            if name in self.bitfit_bias:
                found = (found + self.bitfit_bias[name]).to(found.dtype)
        return found


class BiasModel(BesideModel):
    """A model in which what is added to biases trains."""

    prefix = "bitfit_"
    tuner_layer_cls = BiasLayer

    def merge_and_unload(self, *given: Any, **named: Any) -> Any:
        """Return the model with what was trained in its biases; one that had none says in its config that it has."""
        had_none = not any(isinstance(layer.get_base_layer().bias, nn.Parameter) for layer in self._list_layers())
        model = super().merge_and_unload(*given, **named)
        if had_none:
            name_biases(model)
        return model

    def _list_layers(self) -> list[BiasLayer]:
        return [module for module in self.model.modules() if isinstance(module, BiasLayer)]


def give_biases(model: Any, targets: list[str]) -> None:
    """Give the modules of a model whose names end so a bias of zeros."""
    for name, module in model.named_modules():
        if any(name == target or name.endswith(f".{target}") for target in targets):
            zeros = torch.zeros(module.out_features, dtype=module.weight.dtype, device=module.weight.device)
            module.bias = nn.Parameter(zeros, False)
    name_biases(model)


def name_biases(model: Any) -> None:
    """Let a model's config say that all its linear layers have biases, so that its files are read again with them."""
    model.config.attention_bias = model.config.mlp_bias = True


register_tuner("bitfit", BiasConfig, BiasModel)
