"""The form of a run's archive: which files it holds, under which names, and what its first one says.

run.json                  this form's number, the run's id, its tasks, and size and hash of every other file
recipe.json events.jsonl  and votes.jsonl, scores.jsonl, reference.safetensors where there are some
tasks/0.json ...          the run's tasks, as v2 files
checkpoints/step-120/...  weights, and of the newest what the training goes on from (plain_state.py)
"""

import hashlib
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

FORM = 1
MANIFEST = "run.json"
MOST_MANIFEST = 4_000_000
MOST_FILES = 2_000
MOST_BYTES = 200 * 2**30
MOST_BROKEN = 100
"""So many lines of the events may be none: a kill leaves half a line, and each takes time whenever they are read."""
MOST_OF = {"recipe.json": 2**20, "events.jsonl": 2**27, "votes.jsonl": 2**21, "scores.jsonl": 2**24}
MOST_TEXT = 2**28
"""Any other file that isn't weights is at most so long: it is read whole."""
LOGS = ("votes.jsonl", "scores.jsonl")
REFERENCE = "reference.safetensors"
MEMBER = re.compile(
    r"recipe\.json|events\.jsonl|votes\.jsonl|scores\.jsonl|reference\.safetensors|tasks/[0-9]{1,3}\.json"
    r"|checkpoints/step-(0|[1-9][0-9]{0,8})/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(safetensors|json|jinja|txt|model|md)"
)
"""What a file of an archive may be called: nothing that leads out of it, runs, or is unpickled."""

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Member(BaseModel, frozen=True):
    """A file's size and the SHA-256 of its bytes."""

    bytes: int = Field(ge=0)
    sha256: Hash


class PackedTask(BaseModel, frozen=True):
    """Which task a file is, and in which version it was trained on."""

    task_id: str = Field(max_length=100)
    version: str = Field(max_length=64)
    file: str


class PackedBase(BaseModel, frozen=True):
    """A base that was a folder: what that was called, and by what it is known again."""

    name: str = Field(max_length=255)
    fingerprint: Hash


class Manifest(BaseModel, frozen=True):
    """What the first file of an archive says."""

    form: int
    run_id: str = Field(max_length=100)
    tasks: tuple[PackedTask, ...] = Field((), max_length=50)
    base: PackedBase | None = None
    files: dict[str, Member] = Field(max_length=MOST_FILES)


def find_most(name: str) -> int:
    """Return how many bytes a file of an archive may have."""
    return MOST_OF.get(name) or (MOST_BYTES if name.endswith(".safetensors") else MOST_TEXT)


def measure_file(path: Path) -> Member:
    """Return size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Member(bytes=path.stat().st_size, sha256=digest.hexdigest())
