"""What a safetensors file holds: how many numbers, in how many bytes, under which names; and one weight of it.

The library reads it and says whether the file is whole; nobody else in the studio opens one piece by piece.
"""

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:
    from torch import Tensor


class Header(NamedTuple):
    """What a file says of its tensors: names, numbers in all, the bytes these take; and what else it says."""

    names: frozenset[str]
    numbers: int
    size_bytes: int
    about: dict[str, str]


def read_header(path: Path) -> Header:
    """Return the header of a safetensors file.

    Raises OSError where there is no such file, ValueError where it has not exactly the bytes that it speaks of.
    """
    try:
        with safe_open(path, framework="np") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
            about = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    with open(path, "rb") as file:
        beginning = 8 + int.from_bytes(file.read(8), "little")
    return Header(frozenset(shapes), sum(map(prod, shapes.values())), path.stat().st_size - beginning, about)


def read_weight(path: Path, name: str) -> "Tensor":
    """Return one tensor of a safetensors file; the others are not loaded."""
    with safe_open(path, framework="pt") as file:
        found: Tensor = file.get_tensor(name)
    return found
