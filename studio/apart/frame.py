"""Frames on a pipe: a length and so many bytes. Knows nothing of what they mean."""

import struct
from typing import BinaryIO

_LENGTH = struct.Struct("!Q")


class TooLong(ValueError):
    """A frame says that it is longer than it may be; nothing of it was read."""


def read_frame(source: BinaryIO, most: int | None = None) -> bytes | None:
    """Return the next frame, None where the pipe ends before it is whole. Raises TooLong."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    if most is not None and size > most:
        raise TooLong(f"{size:,} bytes, of {most:,}")
    data = source.read(size)
    return data if len(data) == size else None


def write_frame(target: BinaryIO, data: bytes) -> None:
    """Write one frame."""
    target.write(_LENGTH.pack(len(data)))
    target.write(data)
    target.flush()
