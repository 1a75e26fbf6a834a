"""The answers that are kept, by the content of what was asked: a file each in the workspace's cache.

Knows the files alone. They may be deleted at any time, and are then measured again; beyond MOST the oldest go.
"""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.workspace import Workspace, write_whole

MOST = 1000
Row = dict[str, Any]
"""What is kept of one instance: id, answer, nats, tokens, bytes, whether the prompt was too long to answer, and at how
many tokens the answer was cut, 0 where the model ended it."""


def keep_answers(workspace: Workspace, content: str, rows: Sequence[Row]) -> None:
    """Keep the answers of one checkpoint. Raises WorkspaceError in words."""
    file = _find(workspace, content)
    file.parent.mkdir(exist_ok=True)
    write_whole(file, json.dumps(list(rows), ensure_ascii=False))
    files = sorted(file.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for old in files[: max(0, len(files) - MOST)]:
        with contextlib.suppress(OSError):
            old.unlink()


def load_answers(workspace: Workspace, content: str, count: int) -> list[Row] | None:
    """Return the answers to `count` instances, None where they aren't kept, or damaged."""
    try:
        rows = json.loads(_find(workspace, content).read_text(encoding="utf-8"))
        whole = len(rows) == count and all(row.keys() >= {"id", "answer", "nats", "tokens", "bytes"} for row in rows)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return list(rows) if whole else None


def _find(workspace: Workspace, content: str) -> Path:
    return workspace.cache / "answers" / f"{content}.json"
