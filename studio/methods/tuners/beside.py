"""What our own tuners of peft have in common: a layer that keeps the module it stands for, and has something beside it.

Knows how peft wants layers wrapped, added to and switched off; knows nothing of what is beside.
"""

from abc import abstractmethod
from typing import Any

from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import nn

from studio.foreign import Original

READ_FROM = (
    Original("peft.tuners.tuners_utils.BaseTuner._create_and_replace", "0.21.2", "0d30df0cc5df"),
    Original("peft.tuners.tuners_utils.BaseTuner._prepare_adapter_config", "0.21.2", "feee06f82fe9"),
    Original("peft.tuners.tuners_utils.BaseTuner.inject_adapter", "0.21.2", "5f12576b2b06"),
    Original("peft.tuners.tuners_utils.BaseTunerLayer.set_adapter", "0.21.2", "0839b4e28be8"),
)


class BesideLayer(nn.Module, BaseTunerLayer):
    """A module with something trained beside it, for each adapter by name."""

    def __init__(self, base_layer: nn.Module, adapter_name: str, config: Any) -> None:
        super().__init__()
        self.base_layer = base_layer
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._active_adapter = adapter_name
        self.make_room()
        self.update_layer(adapter_name, config)

    @abstractmethod
    def make_room(self) -> None:
        """Make the empty containers of what trains."""

    @abstractmethod
    def add(self, adapter_name: str, config: Any) -> None:
        """Put what trains under a new adapter's name; it begins as nothing."""

    def update_layer(self, adapter_name: str, config: Any) -> None:
        """Add an adapter, active as the others are."""
        self.add(adapter_name, config)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)


class BesideModel(BaseTuner):
    """A model some of whose modules have something beside them; an heir names its `tuner_layer_cls`."""

    tuner_layer_cls: type[BesideLayer]
    target_module_mapping: dict[str, list[str]] = {}

    def _create_and_replace(
        self, peft_config: Any, adapter_name: str, target: Any, target_name: str, parent: Any, current_key: str
    ) -> None:
        if isinstance(target, self.tuner_layer_cls):
            target.update_layer(adapter_name, peft_config)
        else:
            setattr(parent, target_name, self.tuner_layer_cls(target, adapter_name, peft_config))

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict[str, Any]) -> Any:
        return peft_config
