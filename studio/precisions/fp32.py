"""32-bit floating point: exact and largest."""

from typing import Any, ClassVar

from studio.precisions.precision import Half, Precision


class Fp32(Precision):
    """Every weight as a 32-bit number."""

    name: ClassVar[str] = "fp32"
    title: ClassVar[str] = "32-bit (fp32)"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "Every weight takes 4 bytes. The most exact, and fine for small models."
    bytes_per_weight: ClassVar[float] = 4
    other_bytes: ClassVar[int] = 4

    def load_arguments(self, device: str, half: Half | None) -> dict[str, Any]:
        """Return dtype float32."""
        import torch

        return {"dtype": torch.float32}
