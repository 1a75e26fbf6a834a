"""The bottleneck adapter as a tuner of peft: h + up(f(down(h))) (Houlsby et al. 2019, arXiv:1902.00751)."""

from dataclasses import dataclass, field
from typing import Any

import torch
from peft.config import PeftConfig
from peft.utils import PeftType
from torch import nn

from studio.methods.tuners.beside import BesideLayer, BesideModel
from studio.methods.tuners.registering import register_tuner

BENDS = {"relu": nn.functional.relu, "gelu": nn.functional.gelu, "silu": nn.functional.silu, "tanh": torch.tanh}


@dataclass
class BottleneckConfig(PeftConfig):
    """Where the adapters are, and how wide they are."""

    size: int = field(default=32, metadata={"help": "How many numbers pass the bottleneck."})
    non_linearity: str = field(default="relu", metadata={"help": f"One of {', '.join(BENDS)}."})
    hidden_size: int = field(default=0, metadata={"help": "The width of the model; found when it is attached."})
    target_modules: list[str] | str | None = field(default=None, metadata={"help": "The modules adapters come after."})
    exclude_modules: list[str] | str | None = field(default=None, metadata={"help": "Modules to leave alone."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PeftType.BOTTLENECK


class BottleneckLayer(BesideLayer):
    """A module followed by a narrow detour; the detour begins as nothing, because `up` begins at zero."""

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")

    def make_room(self) -> None:
        """Make the containers of the two layers and of what bends between them."""
        self.bottleneck_down, self.bottleneck_up = nn.ModuleDict(), nn.ModuleDict()
        self.bends: dict[str, Any] = {}

    def add(self, adapter_name: str, config: BottleneckConfig) -> None:
        """Add an adapter that begins as nothing."""
        device = next(self.base_layer.parameters()).device
        self.bottleneck_down[adapter_name] = nn.Linear(config.hidden_size, config.size, device=device)
        self.bottleneck_up[adapter_name] = nn.Linear(config.size, config.hidden_size, device=device)
        nn.init.zeros_(self.bottleneck_up[adapter_name].weight)
        nn.init.zeros_(self.bottleneck_up[adapter_name].bias)
        self.bends[adapter_name] = BENDS[config.non_linearity]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module returns, its first tensor with the detour's output added."""
        found = self.base_layer(*args, **kwargs)
        if self.disable_adapters:
            return found
        hidden, *rest = found if isinstance(found, tuple) else (found,)
        for name in self.active_adapters:
            if name in self.bottleneck_down:
                down, up = self.bottleneck_down[name], self.bottleneck_up[name]
                detour = up(self.bends[name](down(hidden.to(down.weight.dtype))))
                hidden = hidden + detour.to(hidden.dtype)
        return (hidden, *rest) if isinstance(found, tuple) else hidden


class BottleneckModel(BesideModel):
    """A model with bottleneck adapters after some of its modules."""

    prefix = "bottleneck_"
    tuner_layer_cls = BottleneckLayer

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict[str, Any]) -> Any:
        peft_config.hidden_size = peft_config.hidden_size or self.model.config.get_text_config().hidden_size
        return peft_config


register_tuner("bottleneck", BottleneckConfig, BottleneckModel)
