"""A trainer whose model has a second head: it learns at a rate of its own, and is kept with the checkpoints.

Such a head reads what goes into the model's own head. Knows no objective; what is read with it is for the subclasses.
"""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from studio.errors import RecipeError
from studio.training.batch import read_learnt
from studio.training.fast.head import OpenHead, open_head
from studio.training.trainer import StudioTrainer


class Head(torch.nn.Module):
    """One number for each state; `file` is its name in a checkpoint."""

    file: ClassVar[str]

    @staticmethod
    @abstractmethod
    def choose_rate(rate: float) -> float:
        """Return its learning rate, of the model's."""

    def save(self, folder: Path) -> None:
        """Write it into a checkpoint."""
        values = {name: value.contiguous().cpu() for name, value in self.state_dict().items()}
        save_file(values, folder / self.file)

    def restore(self, folder: Path) -> None:
        """Read it from a checkpoint."""
        self.load_state_dict(load_file(folder / self.file))


class Read(NamedTuple):
    """What goes into the model's head at each learnt token (learnt x width), those tokens (learnt), and that head."""

    states: torch.Tensor
    wanted: torch.Tensor
    own: OpenHead


class HeadedTrainer(StudioTrainer):
    """Trainer of a model and a head; of a model alone where `make_head` makes none."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.training.seed)
            self.head = self.make_head()
        if self.head is not None:
            self.head.to(self.args.device)
            forget, head = self.model.zero_grad, self.head

            def zero_grad(set_to_none: bool = True) -> None:
                forget(set_to_none)
                head.zero_grad(set_to_none)

            self.model.zero_grad = zero_grad  # Trainer knows of no gradients but the model's

    @abstractmethod
    def make_head(self) -> Head | None:
        """Return the head as it begins, None for none."""

    def open(self, model: Any, batch: dict[str, Any]) -> Read:
        """Return what the model's head would read of a batch. Raises RecipeError for a head that hides it."""
        try:
            with open_head(model) as own:
                return Read(*read_learnt(model, batch), own)
        except ValueError as error:
            raise RecipeError(
                f"{self.recipe.objective.title} reads what goes into the model's head, and here {error}. Choose "
                "another objective, or another model.",
                field="objective.name",
            ) from error

    def create_optimizer(self, model: Any = None) -> Any:
        """Make the optimiser; the head has a rate of its own."""
        made = super().create_optimizer(model)
        if self.head is not None and all(group.get("name") != self.head.file for group in made.param_groups):
            rate = self.head.choose_rate(self.args.learning_rate)
            group = {"params": list(self.head.parameters()), "lr": rate, "weight_decay": 0.0, "name": self.head.file}
            made.add_param_group(group)
        return made

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        if self.head is not None:
            self.head.save(Path(output_dir or self.args.output_dir or ""))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self.head is not None:
            self.head.restore(Path(resume_from_checkpoint))


def find_width(model: Any) -> int:
    """Return how many numbers a model's head reads."""
    return int(getattr(model, "get_base_model", lambda: model)().get_output_embeddings().weight.shape[1])
