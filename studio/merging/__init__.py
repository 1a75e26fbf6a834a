"""Ways of combining what several models learnt from one base, a way a file. The head of the family is `way.Way`.

A way sees deltas alone: what each parent added to one weight of the base. Where they come from is for
`studio.merging.deltas`, what becomes of the sum for `studio.merging.results`, the order of it all for
`studio.merging.making`.
"""

from studio.merging.way import Way
from studio.plugins import Family

WAYS: Family[Way] = Family(Way, __name__, "way")

__all__ = ["WAYS", "Way"]
