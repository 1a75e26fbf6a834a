"""The hold on a run: whoever trains it locks its events, and the system lets go when that process ends in any way.

So two processes never train one run, and a run whose process.json was lost or edited is still known to be trained.
Where a disk knows no locks (some network disks, Windows), nobody is refused, and process.json alone counts.
"""

import sys
import time
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PATIENCE_SECONDS = 2.0
"""Those who only look hold the file for microseconds; whoever holds it longer trains."""


def take_hold(file: int) -> bool:
    """Hold an open file until it is closed. Returns False if another process holds it."""
    if sys.platform == "win32":
        return True
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        except OSError:
            return True


def is_held(path: Path) -> bool:
    """Whether a process holds the file; False where there is none."""
    if sys.platform == "win32":
        return False
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
