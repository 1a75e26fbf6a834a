"""The priority of this process among all that want a core. Imports nothing heavy."""

import contextlib
import os
from pathlib import Path

NICENESS = 10
_THREADS = Path("/proc/self/task")


def yield_to_others(niceness: int = NICENESS) -> None:
    """Let whoever else wants a core have it first; each thread is told, for Linux keeps a priority for each."""
    os.nice(max(0, niceness - os.nice(0)))
    for thread in _THREADS.iterdir() if _THREADS.exists() else ():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if os.getpriority(os.PRIO_PROCESS, int(thread.name)) < niceness:
                os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
