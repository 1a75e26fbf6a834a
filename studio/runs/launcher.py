"""Starting the training child. A launcher only says how; the child's life is the same (studio.runs.worker).

`InlineLauncher` is the test double that ships: it trains in this process, for tests and notebooks.
"""

import os
import subprocess
import sys
from abc import ABC, abstractmethod

from studio.runs.run import Run
from studio.workspace import Workspace, disk_errors_in_words


class Launcher(ABC):
    """Starts the child of a run."""

    @abstractmethod
    def launch(self, workspace: Workspace, run: Run) -> None:
        """Start training `run`. Raises WorkspaceError when its folder can't be written."""


class ProcessLauncher(Launcher):
    """A process in a session of its own: it outlives the studio, and its output goes to a file, not a pipe."""

    def launch(self, workspace: Workspace, run: Run) -> None:
        """Start the child and note its process."""
        with disk_errors_in_words(run.folder), open(run.output_file, "ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "studio.runs.worker", str(workspace.folder), run.run_id],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"},
            )
        run.save_process(child.pid)
        _children.append(child)
        _children[:] = [known for known in _children if known.poll() is None]


class InlineLauncher(Launcher):
    """Trains in this process and returns when it ended."""

    def launch(self, workspace: Workspace, run: Run) -> None:
        """Execute the run here."""
        from studio.runs.worker import execute

        run.save_process(os.getpid())
        execute(workspace, run)


_children: list[subprocess.Popen[bytes]] = []
"""Children of this process, asked now and then so that the ended ones don't stay as zombies."""
