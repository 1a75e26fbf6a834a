"""Where uploaded files lie while a studio lives: a folder of its own, held by a lock, so that a dead one's can be told.

    STUDIO_HOME/cache/uploads/<random>/      of one studio; gone when it closes, or when the next one opens
                              <random>.lock  held while it lives, by the system, which lets go of it after any death

A whole upload lies in a folder of its own, which gradio deletes after a day; one that broke off is a file beside those
folders, which nobody knows of any more.
Knows nothing of what is uploaded.
"""

import contextlib
import secrets
import shutil
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

from studio.workspace import Workspace, disk_errors_in_words, make_private

DAY, HOUR = 86_400, 3_600


class Uploads:
    """The folder of this studio's uploads."""

    def __init__(self, workspace: Workspace) -> None:
        """Delete what dead studios left, and make the folder. Raises WorkspaceError in words."""
        sweep(workspace.uploads)
        self.folder = workspace.uploads / secrets.token_hex(8)
        self._lock = FileLock(f"{self.folder}.lock")
        with disk_errors_in_words(self.folder):
            self._lock.acquire(timeout=0)
            self.folder.mkdir()
            make_private(self.folder)
        self._closing = threading.Event()
        threading.Thread(target=self._drop_halves, daemon=True).start()

    def _drop_halves(self) -> None:
        while not self._closing.wait(HOUR):
            drop_halves(self.folder)

    def close(self) -> None:
        """Delete the folder."""
        self._closing.set()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        _delete_lock(Path(self._lock.lock_file))


def sweep(uploads: Path) -> None:
    """Delete the folders of studios that are dead, and what lies there for a day without being a studio's."""
    with disk_errors_in_words(uploads):
        found = {path for path in uploads.iterdir() if path.suffix != ".lock"}
    locks = {path.with_suffix("") for path in uploads.glob("*.lock")}
    for folder in found | locks:
        if folder in locks:
            with contextlib.suppress(Timeout, OSError):
                with FileLock(f"{folder}.lock", timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
                _delete_lock(folder.with_suffix(".lock"))
        elif _age(folder) > DAY:  # of an edition that had no locks
            shutil.rmtree(folder, ignore_errors=True)


def drop_halves(folder: Path) -> None:
    """Delete what is left of uploads that broke off an hour ago or longer."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            if not file.is_dir() and _age(file) > HOUR:
                file.unlink(missing_ok=True)


def _delete_lock(lock: Path) -> None:
    with contextlib.suppress(OSError):
        lock.unlink(missing_ok=True)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0
