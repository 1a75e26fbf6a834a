"""The files of a task's versions: `0001-<hash>.json` holds a whole task, `0002-<hash>.edits` what changed since one.

Knows names, order and what is in a file of edits; knows nothing of where they are (`store.py`) or of what an edit
does (`edit.py`). The highest number is current; no file is ever changed. `history.jsonl` beside them says who made
which version, and is only added to.
"""

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from studio.errors import WorkspaceError
from studio.journal import append_lines, read_lines
from studio.tasks.edit import Edit
from studio.workspace import disk_errors_in_words

LONGEST_CHAIN = 20
"""Files of edits in a row; then a whole task is written, so that reading one stays quick."""

_HISTORY = "history.jsonl"
_NAME = re.compile(r"(\d{4,})-([0-9a-f]{12})\.(json|edits)")


class Edits(BaseModel):
    """What a file of edits holds: the number of the version it starts from, and what was done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: int
    chain: int
    edits: tuple[Edit, ...]


class VersionCard(BaseModel):
    """What a list of versions shows of one."""

    model_config = ConfigDict(frozen=True)

    number: int
    version: str
    at: datetime
    by: str = ""
    words: str = ""


def list_files(folder: Path) -> list[Path]:
    """Return the files of a task's versions, the oldest first."""
    return sorted((path for path in folder.glob("[0-9]*") if is_version(path)), key=number_of)


def is_version(path: Path) -> bool:
    """Say whether a file's name is that of a version."""
    return bool(_NAME.fullmatch(path.name))


def number_of(path: Path) -> int:
    """Return which version a file is: 1 for `0001-<hash>.json`."""
    return int(path.name.split("-", 1)[0])


def version_of(path: Path) -> str:
    """Return the hash in a file's name."""
    return path.stem.split("-", 1)[1]


def name_file(number: int, version: str, whole: bool) -> str:
    """Return the name of a version's file."""
    return f"{number:04d}-{version}.{'json' if whole else 'edits'}"


def read_edits(path: Path) -> Edits:
    """Read a file of edits. Raises WorkspaceError in words if it was damaged."""
    with disk_errors_in_words(path):
        data = path.read_bytes()
    try:
        return Edits.model_validate_json(data)
    except ValidationError as error:
        raise WorkspaceError(
            f"The version {path.name} of this task is damaged ({error.errors()[0]['msg'][:100]}). Restore an earlier "
            "one."
        ) from None


def append_history(folder: Path, number: int, by: str, words: str) -> None:
    """Note who made a version, when, and what it changed."""
    append_lines(folder / _HISTORY, [{"number": number, "by": by[:80], "words": words[:300], "at": time.time()}])


def read_history(folder: Path) -> dict[int, dict[str, Any]]:
    """Return number -> what was noted of that version."""
    noted = (line for line in read_lines(folder / _HISTORY) if isinstance(line.get("number"), int))
    return {line["number"]: line for line in noted}


def read_card(path: Path, history: dict[int, dict[str, Any]]) -> VersionCard:
    """Return what a list shows of a version; one that nothing was noted of has the time of its file."""
    noted = history.get(number_of(path), {})
    with disk_errors_in_words(path):
        made = float(noted.get("at", 0)) or path.stat().st_mtime
    return VersionCard(
        number=number_of(path),
        version=version_of(path),
        at=datetime.fromtimestamp(made),
        by=str(noted.get("by", "")),
        words=str(noted.get("words", "")),
    )
