"""Fingerprint: by what the model of a folder is known again, on another computer or when the folder may have changed.

Reads some pages of each file; loads no weights. A change of a few numbers may go unnoticed: what trains or merges a
model changes nearly all numbers of a weight.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import IO

SAMPLE = 1 << 20
"""So many bytes are read at each end of a file."""
PIECE = 1 << 12
"""And so many in the middle of each weight."""
LONGEST_HEADER = 100_000_000

State = tuple[str, int, int]
"""A file's name, size, and time of change in ns: the same state needs no second look."""


def take_fingerprint(folder: Path) -> str:
    """Return a hash of a model's config, its tokenizer, and of each file of weights the size, ends, and some within."""
    return _take(str(folder), _list_states(folder), True)


def matches(folder: Path, fingerprint: str) -> bool:
    """Whether it is that of a folder's model, taken now or by a studio that read the ends of files alone."""
    states = _list_states(folder)
    return any(_take(str(folder), states, within) == fingerprint for within in (True, False))


def _list_states(folder: Path) -> tuple[State, ...]:
    files = sorted([*folder.glob("*.safetensors"), folder / "config.json", folder / "tokenizer.json"])
    found = ((file.name, file.stat()) for file in files if file.is_file())
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


@lru_cache(maxsize=256)
def _take(place: str, states: tuple[State, ...], within: bool) -> str:
    digest = hashlib.sha256()
    for name, size, _ in states:
        digest.update(f"{name} {size}\n".encode())
        with (Path(place) / name).open("rb") as opened:
            digest.update(opened.read(SAMPLE))
            opened.seek(max(0, size - SAMPLE))
            digest.update(opened.read(SAMPLE))
            if within and size > 2 * SAMPLE and name.endswith(".safetensors"):
                for first in _list_middles(opened):
                    opened.seek(first)
                    digest.update(opened.read(PIECE))
    return digest.hexdigest()


def _list_middles(file: IO[bytes]) -> list[int]:
    """Where the middle of each weight of a file is; [] where it doesn't say, which is told when it is loaded."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEADER:
        return []
    try:
        told = json.loads(file.read(length))
        spans = [one["data_offsets"] for name, one in told.items() if name != "__metadata__"]
        return sorted(8 + length + (first + last) // 2 for first, last in spans)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
