"""A figure of the bench, and how a process is timed. Medians of several rounds; machines are noisy, ratios less so."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

ROOT = Path(__file__).resolve().parents[1]


class Figure(NamedTuple):
    """One measured value; `beside` is what it is compared with, in the same unit, and `target` what was aimed at."""

    name: str
    value: float
    unit: str
    beside: float | None = None
    beside_name: str = ""
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """The value over what is beside it."""
        return self.value / self.beside if self.beside else None


def run_python(*arguments: str, **environment: str) -> dict[str, Any]:
    """Run a Python of this environment at the project's root and return the last line it printed, as JSON."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def time_until_line(arguments: list[str], line: str, **environment: str) -> float:
    """Return the seconds from starting a process until it prints a line that begins with `line`; then end it."""
    began = time.perf_counter()
    child = subprocess.Popen(
        arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        for said in child.stdout:
            if said.startswith(line):
                return time.perf_counter() - began
        raise SystemExit(f"{' '.join(arguments)} ended without saying {line!r}.")
    finally:
        child.terminate()
        child.wait(timeout=30)


@contextmanager
def serve(home: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start the studio on a workspace; give its address and its process, and end it with all its children."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, "STUDIO_HOME": home, "GRADIO_SERVER_PORT": port, "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        address = next((line.split()[-1] for line in child.stdout if line.startswith("Fine-Tuning Studio:")), None)
        if address is None:
            raise SystemExit("app.py ended without an address.")
        yield address.rstrip("/"), psutil.Process(child.pid)
    finally:
        for process in [*psutil.Process(child.pid).children(recursive=True), child]:
            process.kill()
        child.wait()


def median_of(rounds: int, measure: Any) -> float:
    """Return the median of `rounds` measurements."""
    return statistics.median(measure() for _ in range(rounds))


def process_seconds(process: psutil.Process) -> float:
    """Return the processor seconds a process has used."""
    used = process.cpu_times()
    return float(used.user + used.system)
