"""Biases as a tuner of peft: a trained vector is added to an output (Ben Zaken et al. 2021, arXiv:2106.10199)."""

from dataclasses import dataclass, field
from typing import Any

import torch
from peft.config import PeftConfig
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from peft.utils import PeftType
from torch import nn

from studio.methods.tuners.registering import register_tuner


@dataclass
class BiasConfig(PeftConfig):
    """Which modules' biases train."""

    target_modules: list[str] | str | None = field(default=None, metadata={"help": "The modules with a bias."})
    exclude_modules: list[str] | str | None = field(default=None, metadata={"help": "Modules to leave alone."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PeftType.BITFIT


class BiasLayer(nn.Module, BaseTunerLayer):
    """A module whose output gets a trained vector added: to train that is to train its bias, or to give it one."""

    adapter_layer_names = ("bitfit_bias",)

    def __init__(self, base_layer: nn.Module, adapter_name: str, config: BiasConfig) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.bitfit_bias = nn.ParameterDict()
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config)

    def update_layer(self, adapter_name: str, config: BiasConfig) -> None:
        """Add a vector of zeros as long as the module's output."""
        base = self.get_base_layer()
        length = len(base.bias) if base.bias is not None else getattr(base, "out_features", None) or base.nf
        self.bitfit_bias[adapter_name] = nn.Parameter(torch.zeros(length, device=base.weight.device))
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module returns, with the trained vector added."""
        found = self.base_layer(*args, **kwargs)
        if self.disable_adapters:
            return found
        for name in self.active_adapters:
            if name in self.bitfit_bias:
                found = (found + self.bitfit_bias[name]).to(found.dtype)
        return found


class BiasModel(BaseTuner):
    """A model in which what is added to biases trains."""

    prefix = "bitfit_"
    tuner_layer_cls = BiasLayer
    target_module_mapping: dict[str, list[str]] = {}

    def _create_and_replace(
        self, peft_config: Any, adapter_name: str, target: Any, target_name: str, parent: Any, current_key: str
    ) -> None:
        if isinstance(target, BiasLayer):
            target.update_layer(adapter_name, peft_config)
            return
        setattr(parent, target_name, BiasLayer(target, adapter_name, peft_config))

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict[str, Any]) -> Any:
        return peft_config


register_tuner("bitfit", BiasConfig, BiasModel)
