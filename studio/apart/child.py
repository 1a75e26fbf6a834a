"""The child that works apart: reads a piece of work, does it, writes what came of it. Its parent may kill it.

Work and answer are pickles between two processes of one user, and never come from elsewhere. What the work prints goes
nowhere, so that nothing but answers is on the pipe.
"""

import contextlib
import os
import pickle
import resource
import struct
import sys
from types import ModuleType
from typing import Any, BinaryIO

LENGTH = struct.Struct("!Q")
ORPHAN_SECONDS = 300
"""Processor time of one piece of work, beyond what any parent waits."""


def main() -> None:
    """Work until the parent closes the pipe."""
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    while (data := read_frame(source)) is not None:
        memory_bytes, work, given = pickle.loads(data)
        limit_memory(memory_bytes)
        limit_time()
        write_frame(answers, pickle.dumps(do(work, given), protocol=5))


def do(work: Any, given: tuple[Any, ...]) -> tuple[str, Any]:
    """Return ("done", value), ("raised", a description of the error), or ("memory", None)."""
    try:
        return "done", _answer(work(*given))
    except MemoryError:
        return "memory", None
    except Exception as error:
        return "raised", (type(error), error.args, error.__dict__)
    except BaseException as error:  # a panic of native code
        return "panicked", f"{type(error).__name__}"


def _answer(value: Any) -> Any:
    """What came of the work; a module that was imported is nothing to send."""
    return None if isinstance(value, ModuleType) else value


def limit_memory(most_bytes: int) -> None:
    """Let this process take so many bytes more than it has now, where the system can say so."""
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (count_data() + most_bytes, hard))


def limit_time() -> None:
    """Let a piece of work end by itself when nobody is left to end it: a studio that was killed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + ORPHAN_SECONDS, hard))


def count_data() -> int:
    """Return the bytes of memory that count for the limit."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:")), 0)


def read_frame(source: BinaryIO) -> bytes | None:
    """Return the next frame, None at the end of the pipe."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    data = source.read(size)
    return data if len(data) == size else None


def write_frame(target: BinaryIO, data: bytes) -> None:
    """Write one frame."""
    target.write(LENGTH.pack(len(data)))
    target.write(data)
    target.flush()


if __name__ == "__main__":
    main()
