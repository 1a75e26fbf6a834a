"""The root folder: finds and creates tasks, runs and caches. Knows paths and nothing of meaning.

Passed in, never imported as a global. Two rules keep it true after any accident: a file appears whole or not at all
(written beside, flushed, renamed), and an id never leads outside the folder.

    STUDIO_HOME/
      format             "1"; a workspace of a later format is refused in words
      tasks/<id>/        one file a version: 0001-<hash>.json; the highest number is current
      runs/<id>/         see studio.runs.run
      cache/             may be deleted at any time
"""

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_path

from studio.errors import NotFoundError, WorkspaceError

FORMAT = "1"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_ADJECTIVES = """
    brave calm clever curious eager fair fast gentle happy honest jolly keen kind lively lucky merry neat noble
    patient proud quick quiet sharp shy silent smart steady sunny tidy warm wild wise witty
""".split()
_ANIMALS = """
    badger bear beaver crane crow deer dolphin eagle falcon ferret finch fox gecko hare hawk heron ibis jay lark
    lion lynx mole newt otter owl panda puffin raven robin seal swan tiger toad whale wolf wren
""".split()
NAMES = tuple(f"{adjective}-{animal}" for adjective in _ADJECTIVES for animal in _ANIMALS)


class Workspace:
    """One root folder. Raises WorkspaceError in words when the disk refuses."""

    def __init__(self, folder: Path | str | None = None) -> None:
        chosen = folder or os.environ.get("STUDIO_HOME") or user_data_path("fine-tuning-studio", appauthor=False)
        try:
            self.folder = Path(chosen).expanduser().resolve()
        except (RuntimeError, ValueError, OSError) as error:  # an unknown ~user, a NUL, a loop of links
            raise WorkspaceError(f"{str(chosen)[:80]!r} can't be a folder: {error}. {_ELSEWHERE}") from None
        with disk_errors_in_words(self.folder):
            if not self.folder.exists():
                self.folder.mkdir(parents=True)
                make_private(self.folder)
            for part in ("tasks", "runs", "cache", "collections"):
                (self.folder / part).mkdir(exist_ok=True)
                make_private(self.folder / part)
            self._check_format()

    def _check_format(self) -> None:
        file = self.folder / "format"
        if not file.exists():
            write_whole(file, FORMAT)
        found = file.read_text(encoding="utf-8", errors="replace").strip()[:20]
        if found != FORMAT:
            raise WorkspaceError(
                f"The workspace {self.folder} has format {found!r}; this studio reads format {FORMAT}. "
                "Use a newer studio, or set STUDIO_HOME to another folder."
            )

    @property
    def runs(self) -> Path:
        """The folder of all run folders."""
        return self.folder / "runs"

    @property
    def tasks(self) -> Path:
        """The folder of all imported tasks."""
        return self.folder / "tasks"

    @property
    def cache(self) -> Path:
        """A folder whose contents may be deleted at any time."""
        return self.folder / "cache"

    @property
    def uploads(self) -> Path:
        """Where uploaded files lie until they are read, this user's alone."""
        folder = self.cache / "uploads"
        with disk_errors_in_words(folder):
            folder.mkdir(exist_ok=True)
        return folder

    def find_run_folder(self, run_id: object) -> Path:
        """Return the folder of a run. Raises NotFoundError if the id is malformed or names nothing."""
        folder = self.runs / check_id(run_id, "run")
        if not folder.is_dir():
            raise unknown_run(run_id)
        return folder

    def new_run_folder(self) -> Path:
        """Make an empty run folder whose id sorts by time and can be said aloud: 20261120-071903-brave-otter.

        No other run here has its name, while there are names left.
        """
        with disk_errors_in_words(self.runs):
            while True:
                stamp = datetime.now().strftime("%Y%m%d-%H%M%S-")
                taken = {entry.name[len(stamp) :] for entry in self.runs.iterdir()}
                free = [name for name in NAMES if name not in taken]
                folder = self.runs / f"{stamp}{secrets.choice(free or NAMES)}"
                try:
                    folder.mkdir()
                    return folder
                except FileExistsError:
                    continue


def make_private(folder: Path) -> None:
    """Let only this user look into a folder of theirs; a disk without modes is left as it is."""
    if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o077:
        with contextlib.suppress(OSError):
            folder.chmod(0o700)


def unknown_run(run_id: object) -> NotFoundError:
    """Return what is said of a run that isn't here, or isn't the visitor's: the same words for both."""
    return NotFoundError(
        f"There is no run {run_id!r} here. It may have been deleted; choose one from the list of runs.", field="run_id"
    )


def check_id(value: object, word: str) -> str:
    """Return `value` if it is a well-formed id (small letters, digits, - and _). Raises NotFoundError."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise NotFoundError(
        f"{str(value)[:60]!r} can't be the id of a {word}: ids are small letters, digits, - and _.", field=f"{word}_id"
    )


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, whole. Raises WorkspaceError."""
    with disk_errors_in_words(path.parent):
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        try:
            with open(beside, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


_ELSEWHERE = "Set STUDIO_HOME to a folder that can be written."
_REASONS = {
    errno.ENOSPC: "its disk is full. Free some space, or set STUDIO_HOME to another disk.",
    errno.EDQUOT: "its disk quota is used up. Free some space, or set STUDIO_HOME elsewhere.",
    errno.EROFS: f"it is on a read-only disk. {_ELSEWHERE}",
    errno.EACCES: f"this user may not write there. {_ELSEWHERE}",
    errno.EEXIST: f"there is a file of that name. {_ELSEWHERE}",
    errno.ENOTDIR: f"a part of its path is a file. {_ELSEWHERE}",
    errno.ENAMETOOLONG: f"its name is too long. {_ELSEWHERE}",
    errno.EFBIG: "a file grew larger than this user may write. Raise the limit (ulimit -f), or free some space.",
}


@contextmanager
def disk_errors_in_words(folder: Path) -> Iterator[None]:
    """Turn an OSError of the block into a WorkspaceError that says what to do."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(
            error.errno or 0, f"{error.strerror or error}. Check the disk, or set STUDIO_HOME elsewhere."
        )
        raise WorkspaceError(f"The folder {folder}: {reason}") from error
