"""Lines that are only ever added to a file: whole, on the disk, and after a line that a crash cut, a new one begins."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from studio.workspace import disk_errors_in_words


def append_lines(path: Path, values: Iterable[Any]) -> None:
    """Add one JSON value a line, and return when they are on the disk. Raises WorkspaceError in words."""
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    with disk_errors_in_words(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")), open(path, "a+b") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    text = "\n" + text
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file in their order; a line that a crash cut is left out."""
    if not path.exists():
        return []
    with disk_errors_in_words(path.parent):
        lines = path.read_bytes().split(b"\n")
    found = (_read_line(line) for line in lines if line)
    return [value for value in found if isinstance(value, dict)]


def _read_line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
