"""Lines that are only ever added to a file: the one form of every log here (events, labels, votes, choices).

A line is one JSON value, written by one write(); after a line that a crash cut, a new one begins; whoever reads while a
line is being written sees it the next time. Knows nothing of what the lines say.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from studio.errors import WorkspaceError
from studio.workspace import disk_errors_in_words

PAGE_BYTES = 1 << 20


class LinePage(NamedTuple):
    """Whole lines read from a file, and the byte offset to go on from."""

    lines: list[bytes]
    offset: int


def append_lines(path: Path, values: Iterable[Any]) -> None:
    """Add one JSON value a line, and return when they are on the disk. Raises WorkspaceError in words."""
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    with disk_errors_in_words(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")), open(path, "a+b") as file:
            write_line(file.fileno(), text.encode())
            os.fsync(file.fileno())


def write_line(file: int, data: bytes) -> None:
    """Add lines to a file that is open for reading and appending, after closing half a line that a crash left there.

    Raises OSError when the disk refuses.
    """
    size = os.fstat(file).st_size
    if size > 0 and os.pread(file, 1, size - 1) != b"\n":
        data = b"\n" + data
    while data:  # a disk that is full takes a part, and says so when it is asked again
        data = data[os.write(file, data) :]


def read_page(path: Path, offset: int = 0, most_bytes: int = PAGE_BYTES) -> LinePage:
    """Return the whole lines after `offset` bytes, at most `most_bytes` of them; none where there is no file.

    Raises WorkspaceError in words.
    """
    try:
        with disk_errors_in_words(path.parent), open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            offset = offset if 0 <= offset <= size else 0
            file.seek(offset)
            chunk = file.read(most_bytes)
    except WorkspaceError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return LinePage([], 0)
        raise
    end = chunk.rfind(b"\n") + 1
    if not end and len(chunk) == most_bytes:  # one line longer than a page can't be ours
        return LinePage([], offset + len(chunk))
    return LinePage(chunk[:end].splitlines(), offset + end)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file in their order; a line that a crash cut is left out."""
    if not path.exists():
        return []
    with disk_errors_in_words(path.parent):
        lines = path.read_bytes().split(b"\n")
    found = (_read_line(line) for line in lines if line)
    return [value for value in found if isinstance(value, dict)]


def read_end(path: Path, most_bytes: int) -> str:
    """Return the end of a text file, whole lines, "" where there is no file."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most_bytes))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return text.strip() if size <= most_bytes else text.partition("\n")[2].strip()


def _read_line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
