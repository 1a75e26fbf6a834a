"""Fingerprint: by what the model of a folder is known again on another computer, wherever it lies there.

Reads files; loads no weights.
"""

import hashlib
from pathlib import Path

SAMPLE = 1 << 20
"""So many bytes are read at each end of a file; two models of one shape differ there."""


def take_fingerprint(folder: Path) -> str:
    """Return a hash of a model's config, its tokenizer, and of each file of weights the size and both ends."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), folder / "config.json", folder / "tokenizer.json"]):
        if file.is_file():
            size = file.stat().st_size
            digest.update(f"{file.name} {size}\n".encode())
            with file.open("rb") as opened:
                digest.update(opened.read(SAMPLE))
                opened.seek(max(0, size - SAMPLE))
                digest.update(opened.read(SAMPLE))
    return digest.hexdigest()
