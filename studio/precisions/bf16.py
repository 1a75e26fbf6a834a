"""bfloat16: half the memory of fp32 with the same range (Kalamkar et al. 2019, arXiv:1905.12322)."""

from typing import Any, ClassVar

from studio.precisions.precision import Half, Precision, find_dtype


class Bf16(Precision):
    """Every weight as a 16-bit brain float."""

    name: ClassVar[str] = "bf16"
    title: ClassVar[str] = "16-bit (bf16)"
    position: ClassVar[int] = 2
    summary: ClassVar[str] = (
        "Every weight takes 2 bytes: half the memory, a little less exact. The usual choice on a graphics card."
    )
    bytes_per_weight: ClassVar[float] = 2
    other_bytes: ClassVar[int] = 2

    def load_arguments(self, device: str, half: Half | None) -> dict[str, Any]:
        """Return dtype bfloat16, or float16 on a card that computes in it alone and would be slow in anything else."""
        return {"dtype": find_dtype(half or "bf16")}
