"""Launchers whose children are processes of this computer, noted so that no change of the clock confuses two of them.

psutil's time of birth is the clock's, so a clock that is set makes a living child look like a stranger. Where the
system tells it (Linux), the birth is noted in ticks since the computer was started, with the name of that start.
"""

import contextlib
import os
from pathlib import Path

import psutil

from studio.launchers.launcher import Launcher, Ticket, Traces

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_COUNTERS = Path("/proc/vmstat")


class LocalLauncher(Launcher):
    """A place whose tickets are `note_process`'s."""

    @classmethod
    def is_alive(cls, ticket: Ticket) -> bool:
        """Whether that process still lives. Another one with its number does not count."""
        try:
            pid, noted = int(ticket["pid"]), str(ticket.get("born", ""))
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            born = find_birth(pid)
            return born == noted if born and noted else abs(process.create_time() - float(ticket["created"])) < 2
        except (KeyError, TypeError, ValueError, OverflowError, psutil.Error):
            return False

    @classmethod
    def end_child(cls, ticket: Ticket) -> None:
        """End that process and those it started, at once; never this one."""
        if not cls.is_alive(ticket) or int(ticket["pid"]) == os.getpid():
            return
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            child = psutil.Process(int(ticket["pid"]))
            for process in (*child.children(recursive=True), child):
                process.kill()

    def find_traces(self, ticket: Ticket) -> Traces:
        """Return how a child of this computer ended, as far as the system tells."""
        pid, before, kills = ticket.get("pid"), ticket.get("oom_kills"), count_oom_kills()
        return Traces(
            exit_code=self.find_exit_code(pid) if isinstance(pid, int) else None,
            oom_kills=kills - before if kills is not None and type(before) is int else None,
            restarted=_is_from_before_a_restart(str(ticket.get("born", ""))),
        )

    def find_exit_code(self, pid: int) -> int | None:
        """Return how a child of this launcher ended (-9: by signal 9), None if it lives or is nobody it knows."""
        return None


def note_process(pid: int) -> Ticket:
    """Return what is to be remembered of a process that gets a run now. Raises psutil.Error if it is gone.

    `created` is its birth by the clock, `born` by the system ("" where that tells none), `oom_kills` how many processes
    the system had ended for lack of memory (None: it doesn't tell).
    """
    return {
        "pid": pid,
        "created": psutil.Process(pid).create_time(),
        "born": find_birth(pid),
        "oom_kills": count_oom_kills(),
    }


def _is_from_before_a_restart(born: str) -> bool:
    """Whether the computer was restarted since; False where nobody can tell."""
    boot = _read(_BOOT)
    return bool(born and boot) and not born.endswith(f"@{boot}")


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
