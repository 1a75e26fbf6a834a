"""Precision: how the frozen base model is stored. The head of the family; one file each.

Knows bytes and what transformers must be told when it loads; knows nothing of methods.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from studio.plugins import Plugin

if TYPE_CHECKING:
    from torch import Tensor

Half = Literal["bf16", "fp16"]
"""16 bits to compute in."""


class Precision(Plugin):
    """How the weights of the base are kept in memory while an adapter is trained."""

    summary: ClassVar[str]
    bytes_per_weight: ClassVar[float]  # of a linear layer's weight
    other_bytes: ClassVar[int]  # of every other weight: embeddings, norms
    quantised: ClassVar[bool] = False

    @abstractmethod
    def load_arguments(self, device: str, half: Half | None) -> dict[str, Any]:
        """Return the keyword arguments of `from_pretrained`; `half` is what the device computes in, if not 32 bits."""

    def after_load(self, model: Any) -> None:
        """Put right what the library leaves wrong after loading."""

    def round(self, weight: "Tensor") -> "Tensor":
        """Return what is left of a linear layer's weight when it is stored so and read again; of codes alone."""
        return weight

    def count_number(self, half: Half | None) -> int:
        """Return the bytes of a weight that has no codes: beside codes it is as wide as the device computes."""
        return self.other_bytes if half or not self.quantised else 4

    def count_passing(self, tokens: float, rows: int, columns: int) -> float:
        """Return the bytes that a layer (rows x columns) makes of `tokens` on the way back and gives back at once."""
        return 2 * tokens * columns

    def count_bytes(self, linear: int, other: int, half: Half | None = "bf16") -> int:
        """Return the bytes that `linear` weights of linear layers and `other` weights take."""
        return int(linear * self.bytes_per_weight + other * self.count_number(half))


def find_dtype(half: Half | None) -> Any:
    """Return torch's name of what a device computes in."""
    import torch

    return torch.float32 if half is None else {"bf16": torch.bfloat16, "fp16": torch.float16}[half]
