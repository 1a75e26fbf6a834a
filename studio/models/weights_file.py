"""What a safetensors file holds: how many numbers, in how many bytes, under which names; and one weight of it.

The library reads it and says whether the file is whole; nobody else in the studio opens one piece by piece.
"""

import json
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:
    from torch import Tensor

_LONGEST_HEADER = 100_000_000
_WIDTHS = {"BF16": 2, "F16": 2, "F32": 4}


class Header(NamedTuple):
    """What a file says of its tensors: their shapes, numbers in all, the bytes these take; and what else it says."""

    shapes: dict[str, list[int]]
    numbers: int
    size_bytes: int
    about: dict[str, str]

    @property
    def names(self) -> frozenset[str]:
        """Of its tensors."""
        return frozenset(self.shapes)


def list_weights(folder: Path) -> list[Path]:
    """The files that transformers would load; some authors put the same weights there a second time."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return [folder / name for name in sorted(set(index["weight_map"].values()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return sorted(folder.glob("*.safetensors"))


def read_header(path: Path) -> Header:
    """Return the header of a safetensors file, which isn't mapped into memory: that may count as if all was taken.

    Raises OSError where there is no such file, ValueError where it has not exactly the bytes that it speaks of.
    """
    try:
        with safe_open(path, framework="np", backend="pread") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
            about = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    with open(path, "rb") as file:
        beginning = 8 + int.from_bytes(file.read(8), "little")
    return Header(shapes, sum(map(prod, shapes.values())), path.stat().st_size - beginning, about)


def read_weight(path: Path, name: str) -> "Tensor":
    """Return one tensor of a safetensors file; the others are not loaded."""
    with safe_open(path, framework="pt") as file:
        found: Tensor = file.get_tensor(name)
    return found


def read_few(path: Path, name: str, count: int) -> list[float]:
    """Return the first numbers of a tensor, of 16 or 32 bits, without loading the others.

    By hand, for numpy does not know bfloat16 and a page does without torch. Raises OSError where there is no such file,
    ValueError where there is no such tensor in it.
    """
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        about = json.loads(file.read(length)).get(name)
        if about is None or about["dtype"] not in _WIDTHS:
            raise ValueError(f"{path.name} holds no tensor {name!r} of 16 or 32 bits.")
        dtype, width = about["dtype"], _WIDTHS[about["dtype"]]
        first, last = about["data_offsets"]
        file.seek(8 + length + first)
        data = file.read(min(count * width, last - first))
    if dtype == "BF16":  # the upper half of a number of 32 bits
        return [float(one) for one in (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")]
    return [float(one) for one in np.frombuffer(data, "<f2" if dtype == "F16" else "<f4")]


def list_middles(file: IO[bytes]) -> list[int]:
    """Return where the middle of each weight of a file is; [] where it doesn't say, which is told when it is loaded."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER:
        return []
    try:
        told = json.loads(file.read(length))
        spans = [one["data_offsets"] for name, one in told.items() if name != "__metadata__"]
        return sorted(8 + length + (first + last) // 2 for first, last in spans)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
