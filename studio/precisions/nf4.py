"""4-bit NormalFloat with double quantisation: the base of QLoRA (Dettmers et al. 2023, arXiv:2305.14314)."""

from typing import TYPE_CHECKING, Any, ClassVar

from studio.foreign import Original
from studio.precisions.precision import Half, Precision, find_dtype

if TYPE_CHECKING:
    from torch import Tensor

READ_FROM = (Original("bitsandbytes.nn.Linear4bit.forward", "0.50.2", "de32364b4f3a"),)


class Nf4(Precision):
    """Linear weights as 4-bit codes in blocks of 64, their scales quantised again."""

    name: ClassVar[str] = "nf4"
    title: ClassVar[str] = "4-bit (nf4)"
    position: ClassVar[int] = 4
    summary: ClassVar[str] = (
        "Every weight of a linear layer is rounded to one of 16 values: half a byte. With LoRA on top this "
        "is QLoRA. The scales of the codes are quantised too (double quantisation). Only the frozen weights shrink; "
        "steps are slower, and a little accuracy may be lost."
    )
    bytes_per_weight: ClassVar[float] = 0.5 + 1 / 64 + 4 / (64 * 256)  # code + 8-bit scale a block + its own scale
    other_bytes: ClassVar[int] = 2
    quantised: ClassVar[bool] = True

    def count_passing(self, tokens: float, rows: int, columns: int) -> float:
        """Return what any layer makes, and the bytes of its weight as numbers."""
        return super().count_passing(tokens, rows, columns) + 2 * rows * columns

    def load_arguments(self, device: str, half: Half | None) -> dict[str, Any]:
        """Return a bitsandbytes configuration that computes in the 16 bits of the device, if it has any."""
        from transformers import BitsAndBytesConfig

        compute = find_dtype(half)
        config = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
        )
        return {"quantization_config": config, "dtype": compute, "device_map": {"": device}}

    def round(self, weight: "Tensor") -> "Tensor":
        """Return what its codes, in blocks of 64, stand for."""
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit

        codes, state = quantize_4bit(weight.contiguous(), compress_statistics=True, quant_type="nf4")
        return dequantize_4bit(codes, state)

    def after_load(self, model: Any) -> None:
        """Compute as the rest of the model does, and keep bitsandbytes 0.50 from repacking weights.

        On processors with AVX512-BF16 it would, at the first evaluation forward: loss and answers stay right, but
        gradients of lower layers, merging and dequantising go silently wrong afterwards.
        """
        from bitsandbytes.nn import Linear4bit

        for module in model.modules():
            if isinstance(module, Linear4bit):
                module.support_avx512bf16_for_cpu = False
                module.compute_dtype = model.dtype  # a base that was saved in codes names the device it was saved on
