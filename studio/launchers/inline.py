"""The test double that ships: the child's life in this process, from start to end before `launch` returns."""

import importlib
import os
from typing import ClassVar

from studio.launchers.launcher import WORKER, Job
from studio.launchers.local import LocalLauncher, note_process
from studio.workspace import Workspace


class InlineLauncher(LocalLauncher):
    """Works in this process and returns when it ended."""

    name: ClassVar[str] = "inline"
    title: ClassVar[str] = "This very process"
    summary: ClassVar[str] = "Works in the studio's own process, which waits meanwhile; for tests and notebooks."
    position: ClassVar[int] = 900

    def launch(self, workspace: Workspace, run: Job) -> None:
        """Execute the run here."""
        run.save_launch(self.name, note_process(os.getpid()))
        importlib.import_module(WORKER).execute(workspace, run)
