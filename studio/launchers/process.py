"""The usual place: a process of this computer, in a session of its own.

It can keep one child waiting that has already imported its libraries, which is most of the time between a click and the
first step.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import psutil

from studio.launchers.launcher import WORKER, Job
from studio.launchers.local import LocalLauncher, note_process
from studio.workspace import Workspace

SPARE_BYTES = 3 * 2**30
"""A child waits only where this much memory is free; it takes about a sixth of it."""


_REMEMBERED = 16
"""How many children are remembered after their end."""

_ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",  # what torch lacks on Apple's card is done on the processor
}
_UNLESS_SET = {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}
"""Pieces of a graphics card's memory that grow: batches of ever other lengths leave no holes that nothing fits into."""


_ONE_CARD = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"}
"""A run uses the first graphics card, the one the page names; transformers would split each batch over all."""


class ProcessLauncher(LocalLauncher):
    """A process in a session of its own: it outlives the studio, and its output goes to a file, not a pipe."""

    name: ClassVar[str] = "process"
    title: ClassVar[str] = "This computer"
    summary: ClassVar[str] = "A process of this computer, which goes on when the studio is closed."

    def __init__(self) -> None:
        self._spare: subprocess.Popen[bytes] | None = None
        self._started: list[subprocess.Popen[bytes]] = []  # asked now and then: ended ones must not stay zombies
        self._lock = threading.Lock()

    def launch(self, workspace: Workspace, run: Job) -> None:
        """Give the run to the child that waits, or to a new one, and note its process."""
        with self._lock:
            child = self._take_spare() or _start_child()
            try:
                run.save_launch(self.name, note_process(child.pid))
            except BaseException:
                self._spare = child  # it waits for the next run, or for this one on a better day
                raise
            _hand_over(child, json.dumps([str(workspace.folder), run.run_id]))
            for known in self._started:
                known.poll()
            self._started = [*self._started[-_REMEMBERED:], child]

    def find_exit_code(self, pid: int) -> int | None:
        """Return how the child with this number ended."""
        with self._lock:
            return next((child.poll() for child in reversed(self._started) if child.pid == pid), None)

    def prepare(self) -> None:
        """Start a child that imports its libraries and waits, if none waits and memory allows."""
        with self._lock:
            waits = self._spare is not None and self._spare.poll() is None
            if not waits and psutil.virtual_memory().available > SPARE_BYTES:
                self._spare = _start_child()

    def close(self) -> None:
        """Let the child that waits end."""
        with self._lock:
            spare = self._take_spare()
            if spare:
                _hand_over(spare, "")
                spare.wait(timeout=30)

    def _take_spare(self) -> subprocess.Popen[bytes] | None:
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.poll() is None else None


def _start_child() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
        env={**_ONE_CARD, **_UNLESS_SET, **os.environ, **_ENVIRONMENT},
    )


def _hand_over(child: subprocess.Popen[bytes], line: str) -> None:
    """Tell a child which run is its own. If it died meanwhile, its run has a dead process and counts as lost."""
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(line.encode() + b"\n")
        child.stdin.close()
