"""Files that are handed out: each in a folder whose name nobody can guess, a few of each visitor, for an hour.

They lie among the uploads, where gradio hands files out. Knows nothing of what is in them.
"""

import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from studio.visitor import Visitor
from studio.workspace import disk_errors_in_words

MOST = 5
"""So many a visitor has at once; the oldest goes first."""
HOUR = 3600.0


def make_folder(visitor: Visitor) -> Path:
    """Return a new folder for a file of a visitor's; their older ones go, and everybody's after an hour."""
    place = Path(get_upload_folder()) / "exports"
    mine = place / (visitor.owner or "nobody")
    with disk_errors_in_words(place):
        mine.mkdir(parents=True, exist_ok=True)
        newest = sorted(mine.iterdir(), key=_find_time, reverse=True)
        old = [folder for folder in place.glob("*/*") if time.time() - _find_time(folder) > HOUR]
        for folder in {*newest[MOST - 1 :], *old}:
            shutil.rmtree(folder, ignore_errors=True)
        folder = mine / secrets.token_hex(16)
        folder.mkdir()
    return folder


def hand_out(file: Path, visitor: Visitor) -> dict[str, Any]:
    """Return a file of the studio's as a program can download it; on one disk it takes no room twice."""
    target = make_folder(visitor) / file.name
    try:
        os.link(file, target)
    except OSError:  # another disk, or one without links
        with disk_errors_in_words(target):
            shutil.copyfile(file, target)
    return hand_over(target)


def hand_over(file: Path) -> dict[str, Any]:
    """Return a file of such a folder as gradio sends it."""
    return {
        "path": str(file),
        "orig_name": file.name,
        "size": file.stat().st_size,
        "meta": {"_type": "gradio.FileData"},
    }


def _find_time(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # deleted since it was listed
        return 0.0
