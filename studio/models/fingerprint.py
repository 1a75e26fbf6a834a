"""Fingerprint: by what the model of a folder is known again, on another computer or when the folder may have changed.

Reads some pages of each file; loads no weights. A change of a few numbers may go unnoticed: what trains or merges a
model changes nearly all numbers of a weight.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from studio.models.weights_file import list_middles

SAMPLE = 1 << 20
"""So many bytes are read at each end of a file."""
PIECE = 1 << 12
"""And so many in the middle of each weight."""

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
                for first in list_middles(opened):
                    opened.seek(first)
                    digest.update(opened.read(PIECE))
    return digest.hexdigest()
