"""Precision: how the frozen base model is stored. The head of the family; one file each.

Knows bytes and what transformers must be told when it loads; knows nothing of methods.
"""

from abc import abstractmethod
from typing import Any, ClassVar

from studio.plugins import Plugin


class Precision(Plugin):
    """How the weights of the base are kept in memory while an adapter is trained."""

    summary: ClassVar[str]
    bytes_per_weight: ClassVar[float]  # of a linear layer's weight
    other_bytes: ClassVar[int]  # of every other weight: embeddings, norms
    quantised: ClassVar[bool] = False

    @abstractmethod
    def load_arguments(self, device: str, bf16: bool) -> dict[str, Any]:
        """Return the keyword arguments of `from_pretrained`; `bf16` says whether the device computes in it."""

    def after_load(self, model: Any) -> None:
        """Put right what the library leaves wrong after loading."""

    def count_number(self, bf16: bool) -> int:
        """Return the bytes of a weight that has no codes: beside codes it is as wide as the device computes."""
        return self.other_bytes if bf16 or not self.quantised else 4

    def count_bytes(self, linear: int, other: int, bf16: bool = True) -> int:
        """Return the bytes that `linear` weights of linear layers and `other` weights take."""
        return int(linear * self.bytes_per_weight + other * self.count_number(bf16))
