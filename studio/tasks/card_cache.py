"""What is known of task files, kept in the cache so that a list after a restart needn't read them all again.

Knows files by their stamps; knows nothing of what is in them.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.workspace import write_whole

Stamp = tuple[int, int]
"""A file's time of change (ns) and size: equal stamps mean that it needs no second reading."""


class FactsCache:
    """The facts of files, in one JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Any] | None = None

    def get(self, file: Path, stamp: Stamp) -> dict[str, Any] | None:
        """Return the facts of a file that has not changed since they were put; else None."""
        entry = self._load().get(str(file))
        try:
            return dict(entry["facts"]) if entry and tuple(entry["stamp"]) == stamp else None
        except (KeyError, TypeError, ValueError):
            return None

    def put(self, file: Path, stamp: Stamp, facts: dict[str, Any]) -> None:
        """Keep the facts of a file."""
        entries = self._load()
        entries[str(file)] = {"stamp": stamp, "facts": facts}
        with contextlib.suppress(StudioError):  # a cache that can't be written costs time and nothing else
            write_whole(self.path, json.dumps(entries))

    def _load(self) -> dict[str, Any]:
        if self.entries is None:
            try:
                found = json.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                found = {}
            self.entries = found if isinstance(found, dict) else {}
        return self.entries
