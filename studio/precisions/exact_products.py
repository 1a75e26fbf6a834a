"""Products of 8-bit codes that no autocast rounds, on processors without AVX-512.

There bitsandbytes 0.50.2 multiplies the codes as 32-bit floats (`backends/default/ops.py`), and a float product inside
autocast is made in 16 bits: in fp16 the sums overflow, and the layer's output is garbage. This is a patch of foreign
code: `tests/contracts/test_precisions.py` fails where it is needed no more.
"""

from functools import cache
from typing import Any

from studio.foreign import Original

READ_FROM = (
    Original("bitsandbytes.backends.default.ops", "0.50.2", "2c3974822136"),
    Original("bitsandbytes.backends.cpu.ops", "0.50.2", "4082fbc33126"),
)


@cache
def keep_products_exact() -> bool:
    """Give bitsandbytes a product of codes for such processors, once; return whether this is one."""
    import torch
    from bitsandbytes._ops import register_kernel

    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        return False  # it has a product of integers there

    @register_kernel("bitsandbytes::int8_linear_matmul", "cpu")
    def multiply(a: Any, b: Any) -> Any:
        with torch.autocast("cpu", enabled=False):
            return torch.matmul(a.float(), b.float().t()).to(torch.int32)

    return True
