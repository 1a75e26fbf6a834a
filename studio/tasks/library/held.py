"""Files that were handed in and wait for a choice: how to read them, what their columns are, or to leave out rows.

    STUDIO_HOME/cache/held/<whose>/<file_id>/data       the file as it came
                                             about.json its name, its columns, the dataset it is of, how it is read

Each visitor has a folder of their own, in which the newest few stay for a day. Knows no format.
"""

import json
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from studio.errors import NotFoundError
from studio.tasks.read_as import AS_IT_IS, ReadAs
from studio.visitor import Visitor
from studio.workspace import Workspace, disk_errors_in_words, write_whole

MOST_FILES = 4
LONGEST_SECONDS = 24 * 3600
_ID = re.compile(r"[0-9a-f]{16}")


class Held(NamedTuple):
    """A file that waits; `file_id` is "" while nothing was asked about it."""

    path: Path
    name: str
    source: str = ""
    file_id: str = ""
    columns: tuple[str, ...] = ()
    definition: str = ""
    read_as: ReadAs = AS_IT_IS


class HeldFiles:
    """The files of one visitor."""

    def __init__(self, workspace: Workspace, visitor: Visitor) -> None:
        self.folder = workspace.cache / "held" / (visitor.owner or "everyone")

    def hold(self, file: Held) -> Held:
        """Keep a copy of a file, or what was chosen of one that is kept, and return it. Raises WorkspaceError."""
        if file.file_id:
            self._write(file)
            return file
        self._prune(MOST_FILES - 1)
        file_id = secrets.token_hex(8)
        with disk_errors_in_words(self.folder):
            folder = self.folder / file_id
            folder.mkdir(parents=True)
            shutil.copyfile(file.path, folder / "data")
        held = file._replace(path=folder / "data", file_id=file_id)
        self._write(held)
        return held

    def _write(self, file: Held) -> None:
        about = {key: getattr(file, key) for key in ("name", "source", "columns")}
        with disk_errors_in_words(self.folder):
            text = json.dumps({**about, "read_as": file.read_as.model_dump()})
            write_whole(self.folder / file.file_id / "about.json", text)

    def find(self, file_id: object) -> Held:
        """Return a file that waits. Raises NotFoundError in words."""
        folder = self.folder / file_id if isinstance(file_id, str) and _ID.fullmatch(file_id) else None
        try:
            about = json.loads((folder / "about.json").read_text(encoding="utf-8")) if folder else None
        except (OSError, ValueError, RecursionError):
            about = None
        if folder is None or about is None:
            raise NotFoundError("This file is no longer kept here. Upload it again.", field="file")
        read_as = ReadAs.model_validate(about.get("read_as", {}))
        return Held(
            folder / "data", about["name"], about["source"], folder.name, tuple(about["columns"]), read_as=read_as
        )

    def drop(self, file: Held) -> None:
        """Forget a file."""
        if file.file_id:
            shutil.rmtree(self.folder / file.file_id, ignore_errors=True)

    def _prune(self, most: int) -> None:
        if not self.folder.is_dir():
            return
        with disk_errors_in_words(self.folder):
            ages = sorted((time.time() - path.stat().st_mtime, path) for path in self.folder.iterdir())
        for place, (age, path) in enumerate(ages):
            if place >= most or age > LONGEST_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
