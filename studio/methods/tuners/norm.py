"""peft's LayerNorm tuning with copies in 32 bits, whatever the base has.

peft copies the norms as they are. In 16 bits a weight near 1 has steps of 0.004, and small steps of the optimiser are
rounded away; files are the same as peft's.
"""

from typing import Any

from peft import LNTuningConfig, LNTuningModel
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from peft.tuners.ln_tuning.layer import LNTuningLayer
from peft.utils import PeftType

from studio.foreign import Original

READ_FROM = (
    Original("peft.tuners.ln_tuning.layer.LNTuningLayer.update_layer", "0.21.2", "3380c7cb21e6"),
    Original("peft.tuners.ln_tuning.layer.LNTuningLayer.forward", "0.21.2", "5a00de562f12"),
    Original("peft.tuners.ln_tuning.model.LNTuningModel._create_new_module", "0.21.2", "34273006200f"),
)

NormConfig = LNTuningConfig


class NormLayer(LNTuningLayer):
    """A norm and its trained copies, which compute in 32 bits and answer in the type they were asked in."""

    def update_layer(self, layer: Any, adapter_name: str, config: Any, **kwargs: Any) -> None:
        """Copy the norm in 32 bits."""
        super().update_layer(layer, adapter_name, config, **kwargs)
        self.ln_tuning_layers[adapter_name].float()

    def forward(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the norm of `x` in its own type."""
        return super().forward(x, *args, **kwargs).to(x.dtype)


class NormModel(LNTuningModel):
    """A model with trained copies beside its norms."""

    tuner_layer_cls = NormLayer

    def _create_new_module(self, peft_config: Any, target: Any, adapter_name: str) -> Any:
        return NormLayer(target, adapter_name, config=peft_config)


PEFT_TYPE_TO_TUNER_MAPPING[PeftType.LN_TUNING] = NormModel
