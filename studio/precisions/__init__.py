"""How the frozen base is stored: 32 or 16 bits, or 4-bit NormalFloat.

The head of the family is `precision.Precision`.
"""

from studio.plugins import Family
from studio.precisions.precision import Precision

PRECISIONS: Family[Precision] = Family(Precision, __name__, "precision")

__all__ = ["PRECISIONS", "Precision"]
