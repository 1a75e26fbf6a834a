"""Rows that nobody packed: transformers looks at each batch without a mask whether several texts stand in one row.

On a graphics card the answer has to be waited for, until all that was begun before it is done: at each step once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from transformers import masking_utils

from studio.foreign import Original

READ_FROM = (Original("transformers.masking_utils.find_packed_sequence_indices", "5.23.0", "621766bf4a18"),)


@contextmanager
def never_packed() -> Iterator[None]:
    """Let each row be one text, which ours are, without a look."""
    own = masking_utils.find_packed_sequence_indices
    masking_utils.find_packed_sequence_indices = lambda position_ids: None
    try:
        yield
    finally:
        masking_utils.find_packed_sequence_indices = own
