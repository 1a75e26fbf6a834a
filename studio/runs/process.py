"""Which process was given a run, told so that no change of the clock mistakes another one for it.

psutil's time of birth is the clock's, so a clock that is set makes a living child look like a stranger. Where the
system tells it (Linux), the birth is noted in ticks since the computer was started, with the name of that start.
"""

from pathlib import Path
from typing import NamedTuple

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_COUNTERS = Path("/proc/vmstat")


class Launch(NamedTuple):
    """The process that was last given a run, and what was so when it got it.

    `created` is its birth by the clock, `born` by the system ("" where that tells none), `offset` how many bytes of
    events there were, `oom_kills` how many processes the system had ended for lack of memory (None: it doesn't tell).
    """

    pid: int
    created: float
    offset: int
    born: str = ""
    oom_kills: int | None = None

    def is_alive(self) -> bool:
        """Whether that process still lives. Another one with its number does not count."""
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            born = find_birth(self.pid)
            return born == self.born if born and self.born else abs(process.create_time() - self.created) < 2
        except (ValueError, OverflowError, psutil.Error):
            return False

    def is_from_before_a_restart(self) -> bool:
        """Whether the computer was started anew since; False where nobody can tell."""
        boot = _read(_BOOT)
        return bool(self.born and boot) and not self.born.endswith(f"@{boot}")


def note_launch(pid: int, offset: int) -> Launch:
    """Return what is to be remembered of a process that gets a run now. Raises psutil.Error if it is gone."""
    return Launch(pid, psutil.Process(pid).create_time(), offset, find_birth(pid), count_oom_kills())


def find_birth(pid: int) -> str:
    """Return ticks@start of the process, the same as long as it lives and of no other; "" where nobody can tell."""
    boot, stat = _read(_BOOT), _read(Path(f"/proc/{pid}/stat"))
    ticks = stat.rpartition(")")[2].split()[19:20]  # starttime, the 22nd field: man 5 proc_pid_stat
    return f"{ticks[0]}@{boot}" if boot and ticks else ""


def count_oom_kills(counters: Path = _COUNTERS) -> int | None:
    """Return how many processes this computer has ended for lack of memory since its start, None if it doesn't tell."""
    for line in _read(counters).splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill" and count.isdecimal():
            return int(count)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
