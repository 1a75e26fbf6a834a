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


register_tuner("bitfit", BiasConfig, BiasModel)
