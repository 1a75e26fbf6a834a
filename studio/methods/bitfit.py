"""BitFit: only the biases train (Ben Zaken et al. 2021, arXiv:2106.10199)."""

from pathlib import Path
from typing import Any, ClassVar

from studio.methods.attaching import attach_config
from studio.methods.method import Method
from studio.methods.places import find_biases
from studio.methods.targets import find_targets
from studio.models.reference import read_config
from studio.models.weights_file import list_weights, read_header

GIVEN = frozenset({"llama"})
"""Models whose classes have a bias on every linear layer as soon as their config says attention_bias and mlp_bias."""


class BitFit(Method):
    """Bias-term fine-tuning: what is trained is added to each bias; a model without any gets new ones of zeros."""

    name: ClassVar[str] = "bitfit"
    title: ClassVar[str] = "BitFit"
    position: ClassVar[int] = 18
    summary: ClassVar[str] = (
        "Trains only the biases, the numbers added to what each layer puts out. Most newer models have none: they get "
        "new ones that begin at zero."
    )
    when: ClassVar[str] = "When you have few examples, or want to see how far the smallest change goes."
    touches: ClassVar[str] = (
        "What is added to every bias of the model, or, where it has none, a new bias on every linear layer."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2106.10199"
    tuner: ClassVar[str | None] = "bias"
    can_merge: ClassVar[bool] = False  # most models have no place to keep a bias
    learning_rate_small: ClassVar[float] = 2e-2
    learning_rate_large: ClassVar[float] = 1e-3

    def merges_into(self, folder: Path) -> bool:
        """Whether a model has biases, or a place for them in its class."""
        return read_config(folder)["model_type"] in GIVEN or has_biases(folder)

    def make_places(self, model: Any) -> None:
        """Give a model that can have biases and has none a zero on every output."""
        from studio.methods.tuners.bias import give_biases

        if model.config.model_type in GIVEN and not find_biases(model):
            give_biases(model, find_targets(model, "all-linear"))

    def attach(self, model: Any) -> Any:
        """Return a PeftModel in which what is added to the biases trains."""
        from studio.methods.tuners.bias import BiasConfig

        places = find_biases(model) or find_targets(model, "all-linear")
        return attach_config(model, BiasConfig(target_modules=places, task_type="CAUSAL_LM"), self.title)


def has_biases(folder: Path) -> bool:
    """Whether the files of a model's weights hold a bias; files that can't be read hold none."""
    try:
        return any(name.endswith(".bias") for file in list_weights(folder) for name in read_header(file).names)
    except (OSError, ValueError):
        return False
