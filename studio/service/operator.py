"""What the operator of a studio may do with everybody's runs and files, from the terminal of its computer.

Whoever may write the workspace's folder is the operator: there is no other secret. Prints owners as the first letters
of their hash, which is all that is known of them.
"""

import shutil
from collections import defaultdict
from typing import NamedTuple

from studio.runs.run import find_run
from studio.service.studio import Studio
from studio.shares.quota import count_bytes
from studio.shares.time import forget_mark
from studio.visitor import read_owner


class RunLine(NamedTuple):
    """A run as the operator sees it."""

    run_id: str
    owner: str
    status: str
    size_bytes: int


class Operator:
    """The operator of one studio, who sees all of it: a `Studio` that isn't shared. Raises StudioErrors in words."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def list_runs(self) -> list[RunLine]:
        """Return every run, the newest first."""
        found = []
        for status in self.studio.list_runs():
            folder = find_run(self.studio.workspace, status.run_id).folder
            found.append(RunLine(status.run_id, read_owner(folder)[:8], status.status, count_bytes(folder)))
        return found

    def stop(self, run_id: str) -> None:
        """Ask a run to stop and save, or take it out of the queue; it is not queued again by itself.

        One that was asked before and still works is ended at once.
        """
        run = find_run(self.studio.workspace, run_id)
        forget_mark(run)
        if run.stop_file.exists() and run.is_alive() and (launch := run.find_launch()):
            launch.end()
        else:
            self.studio.stop_run(run_id)

    def delete(self, run_id: str) -> None:
        """Delete a run that isn't running."""
        self.studio.delete_run(run_id)

    def measure_space(self) -> dict[str, int]:
        """Return the bytes of each owner ("" is nobody's), of the cache, and those that are free."""
        workspace = self.studio.workspace
        sizes: dict[str, int] = defaultdict(int)
        for place in (workspace.tasks, workspace.runs):
            for folder in place.iterdir():
                sizes[f"owner {read_owner(folder)[:8]}".strip()] += count_bytes(folder)
        for folder in (workspace.folder / "collections").glob("*"):
            name = folder.name[1:9] if folder.name.startswith(".") else ""
            sizes[f"owner {name}".strip()] += count_bytes(folder)
        return {**sizes, "cache": count_bytes(workspace.cache), "free": shutil.disk_usage(workspace.folder).free}

    def free_space(self) -> int:
        """Delete the cache, uploads that nobody chose included, and return how many bytes it had."""
        size = count_bytes(self.studio.workspace.cache)
        for entry in self.studio.workspace.cache.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        return size
