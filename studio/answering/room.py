"""Whether a graphics card has room for the models of a question, beside what trains there.

A run that was told it fits must never die of a question: what it will take is left to it, even before it took it, and
this process may not take more than was left. Knows bytes; loads nothing.
"""

from collections.abc import Sequence

from studio.answering.column import Column
from studio.answering.columns import Columns, share
from studio.errors import DeviceError
from studio.estimates.counting import find_shape
from studio.models.device import DeviceFacts, limit_memory
from studio.models.facts import find_config_folder

READING_BYTES = 700 * 2**20
"""Beside weights: the context of a process on the card, what was read, and the logits of an answer."""


def weigh_missing(columns: Columns, wanted: Sequence[Column]) -> int:
    """Return the bytes that `wanted` need and `columns` don't hold yet; 0 where nothing has to be loaded."""
    keys = dict(zip(share(wanted), wanted, strict=True))
    missing = [column for key, column in keys.items() if not columns.holds(key)]
    return sum(_weigh(column, columns.device) for column in missing) + (READING_BYTES if missing else 0)


def claim(device: DeviceFacts, needed: int, promised: int) -> None:
    """Let this process have `needed` more bytes of a card and no more. Raises DeviceError where they aren't left.

    `promised` bytes are left to those who train; what they hold already is counted as free no more.
    """
    left = min(device.free_bytes, device.memory_bytes - promised)
    if needed > left:
        busy = "A run needs the rest. Wait until it has ended" if promised else "Close what else uses it"
        raise DeviceError(
            f"An answer needs about {needed / 1e9:.1f} GB of the graphics card, and {max(0, left) / 1e9:.1f} GB are "
            f"left. {busy}, or ask a smaller model."
        )
    limit_memory(left)


def _weigh(column: Column, device: DeviceFacts) -> int:
    shape = find_shape(find_config_folder(column.below.base))
    return column.precision.count_bytes(shape.linear, shape.base - shape.linear, device.half)
