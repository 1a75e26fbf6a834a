"""How the frozen base is stored: in 32, 16, 8 or 4 bits a weight.

The head of the family is `precision.Precision`.
"""

from studio.plugins import Family
from studio.precisions.precision import Precision

PRECISIONS: Family[Precision] = Family(Precision, __name__, "precision")

__all__ = ["PRECISIONS", "Precision"]
