"""How much of a shared studio's disk a visitor may fill, and how much of it stays free for everybody.

Counts what is in the workspace under an owner's hash; nothing is kept, so nothing can be wrong. One person's studio
has no quota: its disk is theirs.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from studio.errors import InputError, WorkspaceError
from studio.visitor import Visitor, read_owner
from studio.workspace import Workspace

GB = 10**9
Thing = Literal["run", "task", "collection"]


class Quota(NamedTuple):
    """The share of one visitor; `stays_free` bytes of the disk, or a twentieth if that is less, are nobody's."""

    bytes: int = 4 * GB
    tasks: int = 200
    runs: int = 100
    collections: int = 20
    stays_free: int = 2 * GB


class Held(NamedTuple):
    """What an owner has in a workspace."""

    tasks: int
    runs: int
    collections: int
    bytes: int


def read_quota(environment: Mapping[str, str]) -> Quota:
    """Return the quota that STUDIO_QUOTA_GB says, the usual one where it says no positive number."""
    try:
        size = float(environment.get("STUDIO_QUOTA_GB", ""))
    except ValueError:
        return Quota()
    return Quota(bytes=int(size * GB)) if 0 < size < 1e9 else Quota()


def may_make(thing: Thing) -> None:
    """Return None, for no bound: in a studio of one person everything is theirs to make."""


def check_share(workspace: Workspace, visitor: Visitor, quota: Quota, thing: Thing) -> int | None:
    """Return how many bytes a visitor may still fill, None for no bound.

    Raises InputError or WorkspaceError in words where they may make no more of a thing.
    """
    if visitor.owner is None:
        return None
    check_disk(workspace, quota)
    held = count_held(workspace, visitor.owner)
    for name, count, most in (
        ("run", held.runs, quota.runs),
        ("task", held.tasks, quota.tasks),
        ("collection", held.collections, quota.collections),
    ):
        if thing == name and count >= most:
            raise InputError(
                f"You have {count:,} {name}s here; in this shared studio one visitor has at most {most:,}. Delete one "
                "that you don't need any more.",
                field=name,
            )
    if held.bytes >= quota.bytes:
        raise InputError(
            f"What you made here takes {held.bytes / GB:.1f} GB; in this shared studio one visitor has at most "
            f"{quota.bytes / GB:g} GB. Delete runs, tasks or collections that you don't need any more.",
            field=thing,
        )
    return min(quota.bytes - held.bytes, _count_free(workspace, quota))


def check_disk(workspace: Workspace, quota: Quota) -> None:
    """Raise WorkspaceError in words where nothing is left of the disk but the share that stays free."""
    if is_nearly_full(workspace, quota):
        raise WorkspaceError("The disk of this studio is nearly full. Delete what you don't need, or ask its operator.")


def is_nearly_full(workspace: Workspace, quota: Quota) -> bool:
    """Whether nothing is left of the disk but the share that stays free."""
    return _count_free(workspace, quota) < 0


def _count_free(workspace: Workspace, quota: Quota) -> int:
    disk = shutil.disk_usage(workspace.folder)
    return disk.free - min(quota.stays_free, disk.total // 20)


def count_held(workspace: Workspace, owner: str) -> Held:
    """Return what belongs to an owner."""
    tasks, runs = ([folder for folder in _list(place) if read_owner(folder) == owner] for place in _places(workspace))
    collections = workspace.folder / "collections" / f".{owner}"
    number = sum(not folder.name.startswith(".") for folder in _list(collections)) if collections.is_dir() else 0
    merges = [each.parent for each in workspace.folder.glob("merges/*/owner") if read_owner(each.parent) == owner]
    return Held(len(tasks), len(runs), number, sum(map(count_bytes, (*tasks, *runs, *merges, collections))))


def count_bytes(folder: Path) -> int:
    """Return how many bytes the files below a folder have; links are not followed, what vanishes is nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # deleted since it was listed
                continue
    return size


def _places(workspace: Workspace) -> tuple[Path, Path]:
    return workspace.tasks, workspace.runs


def _list(place: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(place) if entry.is_dir(follow_symlinks=False)]
