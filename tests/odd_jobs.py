"""Jobs as nobody should give them: for ever, too large, dying, broken, and some whose child was taken over."""

import contextlib
import os
import time

from studio.apart.frame import write_frame
from studio.apart.job import job, long_job


@job
def add(one: int, other: int) -> int:
    """Return the sum."""
    return one + other


@job
def find_process() -> int:
    """Return whose process this is."""
    return os.getpid()


@job
def sleep(seconds: float) -> None:
    """Take so long."""
    time.sleep(seconds)


@long_job
def sleep_long(seconds: float) -> None:
    """Take so long, as a piece of work that may."""
    time.sleep(seconds)


@job
def take_memory(size: int) -> int:
    """Ask for so much at once."""
    return len(bytearray(size))


@job
def write_letters(count: int) -> str:
    """Return so many letters."""
    return "x" * count


@job
def die() -> None:
    """Be gone as after a fault of native code."""
    os.abort()


@job
def divide(one: int, other: int) -> int:
    """Break where `other` is none."""
    return one // other


@job
def answer_as(data: str) -> int:
    """Answer these bytes in place of the child, as one would that was taken over."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if int(name) > 2 and os.readlink(f"/proc/self/fd/{name}").startswith("pipe:"):
                with os.fdopen(os.dup(int(name)), "wb") as pipe:
                    write_frame(pipe, data.encode())
    os._exit(0)


def no_job() -> None:
    """Is a function, and no job."""
