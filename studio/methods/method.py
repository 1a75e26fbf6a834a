"""Method: which weights train. The head of the family; one file each.

A method is declared (its fields are its form) and attached to a model. Counts are never computed by a formula of
their own: they are read off a model the method was really attached to, on the meta device (see
studio.estimates.counting). What a method needs while it trains (its own rates, a penalty, something after each step,
more in a checkpoint than peft writes) it says through the hooks below, which the trainer calls.
"""

import importlib
import re
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from studio.plugins import Plugin
from studio.precisions.precision import Precision


class Method(Plugin):
    """A way of tuning: what it changes, when to choose it, and the paper it comes from."""

    summary: ClassVar[str]
    when: ClassVar[str]
    touches: ClassVar[str]  # which weights train, in a few words
    paper: ClassVar[str]
    learning_rate_small: ClassVar[float]  # for bases under a hundred million parameters
    learning_rate_large: ClassVar[float]
    saves_whole_model: ClassVar[bool] = False
    can_merge: ClassVar[bool] = True  # whether what it learnt can become part of the weights of any model
    skips_rows: ClassVar[bool] = False  # whether one batch can hold rows with it and rows without (peft: adapter_names)
    grows_by_rank: ClassVar[bool] = False  # whether the sides of what it trains are straight lines through its rank
    has_q_form: ClassVar[bool] = False  # whether people say Q before its name when the base has 4 bits
    tuner: ClassVar[str | None] = None  # the module of studio.methods.tuners that peft must know before it loads one
    checkpointing_refusal: ClassVar[str | None] = None  # why it can't train with gradient checkpointing, in words

    @abstractmethod
    def attach(self, model: Any) -> Any:
        """Return `model` prepared so that exactly this method's weights require gradients. Raises RecipeError."""

    def refuses(self, precision: Precision) -> str | None:
        """Return in words why this method can't train on a base stored so, None if it can."""
        return None

    def default_learning_rate(self, parameters: int | None) -> float:
        """Return a learning rate that works for a base of this many parameters."""
        return self.learning_rate_small if (parameters or 10**9) < 100_000_000 else self.learning_rate_large

    @property
    def virtual_tokens(self) -> int:
        """Places of the context that the method takes for itself."""
        return 0

    @property
    def is_alike_in_all_layers(self) -> bool:
        """Whether it adds the same to each layer, so that two layers tell what it adds to all."""
        return not re.search(r"\d", getattr(self, "targets", ""))

    def count_saved(self, sizes: dict[str, int], buffers: int) -> int:
        """Return how many numbers the finished file holds, where parts of these `sizes` train by their names."""
        return sum(sizes.values()) + buffers

    @property
    def words(self) -> str:
        """The method in a few words for the recipe's sentence."""
        return self.title

    def words_on(self, precision: Precision) -> str:
        """The method on a base stored so, as people call it: LoRA on 4-bit weights is QLoRA."""
        if not precision.quantised:
            return self.words
        if self.has_q_form and precision.name == "nf4":
            return f"Q{self.words}"
        return f"{self.words} on {precision.title.split(' (')[0]} weights"

    def prepare_library(self) -> None:
        """Make the method's own tuner known to peft, if it has one."""
        if self.tuner:
            importlib.import_module(f"studio.methods.tuners.{self.tuner}")

    def merges_into(self, folder: Path) -> bool:
        """Whether what it learnt can become part of the weights of the model in a folder, to train on top of them."""
        return self.can_merge

    def make_places(self, model: Any) -> None:
        """Give a plain model the weights to which what it learnt is added, where it has none: they change nothing."""

    # Hooks of the training child

    def begin(self, model: Any, steps: int) -> None:
        """Prepare an attached model for a training of so many steps."""

    def group_parameters(self, model: Any, learning_rate: float, weight_decay: float) -> list[dict[str, Any]] | None:
        """Return groups for the optimiser with rates of their own, None where all weights have the same."""
        return None

    def penalise(self, model: Any) -> Any:
        """Return what is added to the loss of a training step."""
        return 0.0

    def after_step(self, model: Any, step: int) -> None:
        """Do what the method does after the optimiser's `step`, while the gradients are still there."""

    def finish_checkpoint(self, model: Any, folder: Path) -> None:
        """Add to a checkpoint that peft has written what resuming needs."""

    def restore(self, model: Any, folder: Path) -> bool:
        """Put a checkpoint's weights back to train on; False leaves that to transformers."""
        return False

    def load(self, base: Any, folder: Path, name: str) -> Any:
        """Return `base` with the adapter of a checkpoint, called `name`, to answer with."""
        from peft import PeftModel

        self.prepare_library()
        return PeftModel.from_pretrained(base, folder, adapter_name=name, is_trainable=False)

    def exchange(self, model: Any, folder: Path, name: str, old: str) -> Any:
        """Return `model`, made by `load`, with another checkpoint's adapter in place of the one called `old`."""
        model.load_adapter(folder, adapter_name=name, is_trainable=False)
        model.set_adapter(name)
        if old in model.peft_config:
            model.delete_adapter(old)
        return model
