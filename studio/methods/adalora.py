"""AdaLoRA: LoRA that moves its rank to where it matters while it trains (Zhang et al. 2023, arXiv:2303.10512)."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from studio.foreign import Original
from studio.methods.attaching import attach_config, reads_backwards
from studio.methods.fields import Alpha, Dropout, Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets

READ_FROM = (
    Original("peft.tuners.adalora.layer.RankAllocator", "0.21.2", "0a6ba3afee9d"),
    Original("peft.AdaLoraModel.forward", "0.21.2", "860308a8470e"),
    Original("peft.AdaLoraModel.update_and_allocate", "0.21.2", "f450df177f98"),
)

_STATE = "training_state.safetensors"
_MEASURES = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""What the allocator remembers of each weight: its importance, that smoothed, and how it wavers."""


class AdaLora(Method):
    """Adaptive budget: P diag(E) Q beside each layer begins at 1.5 times the rank and loses what matters least."""

    name: ClassVar[str] = "adalora"
    title: ClassVar[str] = "AdaLoRA"
    position: ClassVar[int] = 5
    has_q_form: ClassVar[bool] = True
    summary: ClassVar[str] = (
        "LoRA that starts with more rank than it keeps, and takes it away where it matters least as it trains."
    )
    when: ClassVar[str] = (
        "When the file must be small and you don't know which layers matter. Wants several hundred steps to decide."
    )
    touches: ClassVar[str] = (
        "Two thin matrices and a row of factors beside each chosen linear layer; the model itself is frozen."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2303.10512"
    tuner: ClassVar[str | None] = "typed"
    learning_rate_small: ClassVar[float] = 1e-2
    learning_rate_large: ClassVar[float] = 1e-3

    rank: int = Field(
        8,
        ge=1,
        le=256,
        title="Rank",
        description="The rank that is kept on average; training begins with half as much again.",
    )
    alpha: Alpha = 32
    dropout: Dropout = 0.0
    orthogonality: float = Field(
        0.5,
        ge=0,
        le=10,
        title="Orthogonality",
        description="How strongly the directions are kept at right angles, so that each can be judged alone.",
        json_schema_extra={"advanced": True},
    )
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose P, E and Q train."""
        from peft import AdaLoraConfig

        self.prepare_library()
        config = AdaLoraConfig(
            init_r=self._first_rank,
            target_r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            orth_reg_weight=self.orthogonality,
            target_modules=find_targets(model, self.targets),
            fan_in_fan_out=reads_backwards(model),
            total_step=10**9,  # until `begin` knows
            task_type="CAUSAL_LM",
        )
        model = attach_config(model, config, self.title)
        for name, value in model.named_parameters():
            if ".ranknum." in name:  # peft's note of the rank, which it lets train where the base has 16 or 4 bits
                value.requires_grad_(False)
        return model

    def begin(self, model: Any, steps: int) -> None:
        """Lay the budget over the training: a tenth to warm up, four tenths to decide, the rest to settle."""
        config = model.peft_config["default"]
        long_enough = max(3, steps)  # the first step shows what matters; only then can something be taken away
        config.total_step, config.tinit, config.tfinal = long_enough, steps // 10, steps // 2
        config.deltaT = max(1, steps // 100)
        model.base_model.rankallocator.set_total_step(config.total_step)

    @property
    def _first_rank(self) -> int:
        """The rank that training begins with."""
        return max(self.rank + 1, self.rank * 3 // 2)

    def count_saved(self, sizes: dict[str, int], buffers: int) -> int:
        """Return what is left at the end, about: directions of the kept rank."""
        return super().count_saved(sizes, buffers) * self.rank // self._first_rank

    def penalise(self, model: Any) -> Any:
        """Return how far the directions are from right angles (Zhang et al. 2023, equation 4)."""
        import torch

        far = []
        for name, value in model.named_parameters():
            if value.requires_grad and (".lora_A." in name or ".lora_B." in name):
                spread = value @ value.T if ".lora_A." in name else value.T @ value
                far.append(torch.linalg.matrix_norm(spread - torch.eye(len(spread), device=spread.device)))
        return self.orthogonality * torch.stack(far).mean()

    def after_step(self, model: Any, step: int) -> None:
        """Judge what the step showed, and take the least important directions away."""
        import torch

        for value in model.parameters():
            if value.requires_grad and value.grad is None:  # a layer that the model read past: not important
                value.grad = torch.zeros_like(value)
        model.base_model.update_and_allocate(step)

    def finish_checkpoint(self, model: Any, folder: Path) -> None:
        """Keep all directions, those that were taken away too, and how important each weight has been."""
        from safetensors.torch import save_file

        allocator = model.base_model.rankallocator
        kept = {name: value.detach().contiguous() for name, value in model.state_dict().items() if ".lora_" in name}
        for measure in _MEASURES:
            kept |= {f"{measure}/{name}": value for name, value in getattr(allocator, measure).items()}
        save_file(kept, folder / _STATE)

    def restore(self, model: Any, folder: Path) -> bool:
        """Put all directions and their importance back, and which of them were taken away."""
        from peft import PeftConfig
        from safetensors.torch import load_file

        kept = load_file(folder / _STATE, device=str(model.device))
        allocator = model.base_model.rankallocator
        for measure in _MEASURES:
            own = {name.partition("/")[2]: kept.pop(name) for name in [*kept] if name.startswith(f"{measure}/")}
            setattr(allocator, measure, own)
        model.load_state_dict(kept, strict=False)
        model.peft_config["default"].rank_pattern = PeftConfig.from_pretrained(folder).rank_pattern
        return True

    @property
    def words(self) -> str:
        """AdaLoRA with its rank."""
        return f"{self.title}, rank {self.rank}"
