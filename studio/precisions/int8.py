"""8-bit integers with the outliers kept apart: LLM.int8() (Dettmers et al. 2022, arXiv:2208.07339)."""

from typing import TYPE_CHECKING, Any, ClassVar

from studio.precisions.exact_products import keep_products_exact
from studio.precisions.precision import Half, Precision, find_dtype

if TYPE_CHECKING:
    from torch import Tensor


class Int8(Precision):
    """Linear weights as 8-bit codes with one scale a row; inputs above 6 are multiplied in 16 bits."""

    name: ClassVar[str] = "int8"
    title: ClassVar[str] = "8-bit (int8)"
    position: ClassVar[int] = 3
    summary: ClassVar[str] = (
        "Every weight of a linear layer is rounded to one of 255 values: one byte, and hardly any difference in the "
        "answers. Slower than the others."
    )
    bytes_per_weight: ClassVar[float] = 1
    other_bytes: ClassVar[int] = 2
    quantised: ClassVar[bool] = True

    def count_passing(self, tokens: float, rows: int, columns: int) -> float:
        """Return the bytes of the weight as numbers, and of its sums of codes, of 32 bits, as it is computed again."""
        return 4 * tokens * rows + 2 * rows * columns

    def round(self, weight: "Tensor") -> "Tensor":
        """Return what its codes, with one scale a row, stand for."""
        scale = weight.float().abs().amax(-1, keepdim=True).clamp(min=1e-30) / 127
        return (weight.float() / scale).round() * scale

    def load_arguments(self, device: str, half: Half | None) -> dict[str, Any]:
        """Return a bitsandbytes configuration that computes in the 16 bits of the device, if it has any."""
        from transformers import BitsAndBytesConfig

        if device == "cpu":
            keep_products_exact()
        compute = find_dtype(half)
        return {
            "quantization_config": BitsAndBytesConfig(load_in_8bit=True),
            "dtype": compute,
            "device_map": {"": device},
        }
