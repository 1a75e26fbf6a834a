"""The child that works apart: reads which job is wanted, does it, writes what came of it. Its parent may kill it.

What the work prints goes nowhere, so that nothing but answers is on the pipe.
"""

import contextlib
import os
import resource
import sys
from typing import Any

from studio.apart.frame import read_frame, write_frame
from studio.apart.job import find_job, read_plain, write_plain
from studio.apart.told import describe_bug, write_error
from studio.errors import StudioError

ORPHAN = 5
"""So many times the seconds that a parent waits, as processor time, a piece of work may take at most."""


def main() -> None:
    """Work until the parent closes the pipe."""
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is killed leaves nothing on the disk
    os.nice(5)  # the page answers first
    while (data := read_frame(source)) is not None:
        wanted = read_plain(data)
        limit_memory(wanted["memory_bytes"])
        limit_time(wanted["seconds"])
        write_frame(answers, do(wanted["job"], wanted["given"]))


def do(name: str, given: dict[str, Any]) -> bytes:
    """Return [kind, value]: an answer, an error in words, what a bug says, or that memory or a library gave up."""
    try:
        found = find_job(name)
        return write_plain(["done", found.write_answer(found.work(**found.read_given(given)))])
    except MemoryError:
        return write_plain(["memory", None])
    except StudioError as error:
        return write_plain(["refused", write_error(error)])
    except Exception as error:
        return write_plain(["broke", describe_bug(error)])
    except BaseException as error:  # a panic of native code
        return write_plain(["panicked", type(error).__name__])


def limit_memory(most_bytes: int) -> None:
    """Let this process take so many bytes more than it has now, where the system can say so."""
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (count_data() + most_bytes, hard))


def limit_time(seconds: float) -> None:
    """Let a piece of work end by itself when nobody is left to end it: a studio that was killed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = used.ru_utime + used.ru_stime + ORPHAN * max(60.0, seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (int(most), hard))


def count_data() -> int:
    """Return the bytes of memory that count for the limit."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:")), 0)


if __name__ == "__main__":
    main()
