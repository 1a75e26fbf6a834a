"""IA3: a factor for each key, value and inner number of the MLP (Liu et al. 2022, arXiv:2205.05638)."""

from typing import Any, ClassVar

from studio.methods.attaching import attach_config, reads_backwards
from studio.methods.method import Method
from studio.methods.places import find_keys_and_values, find_outputs


class Ia3(Method):
    """Infused adapter by inhibiting and amplifying inner activations: three vectors a layer, all beginning at 1."""

    name: ClassVar[str] = "ia3"
    title: ClassVar[str] = "IA3"
    position: ClassVar[int] = 10
    has_q_form: ClassVar[bool] = True
    summary: ClassVar[str] = (
        "Makes keys, values and the inner numbers of the MLP louder or quieter, one factor for each."
    )
    when: ClassVar[str] = "When you have few examples or want the smallest file: a few thousand numbers are trained."
    touches: ClassVar[str] = (
        "One new factor for each output of the key and value layers and for each input of the MLP's last layer (of "
        "experts: keys and values alone); the model itself is frozen."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2205.05638"
    tuner: ClassVar[str | None] = "typed"
    learning_rate_small: ClassVar[float] = 1e-1
    learning_rate_large: ClassVar[float] = 3e-3

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose factors train."""
        from peft import IA3Config

        self.prepare_library()
        inner = find_outputs(model).mlp_linear
        config = IA3Config(
            target_modules=[*find_keys_and_values(model), *inner],
            feedforward_modules=inner,
            fan_in_fan_out=reads_backwards(model),
            task_type="CAUSAL_LM",
        )
        return attach_config(model, config, self.title)
