"""A nursery: one process that has imported what training needs, and forks a child for each run it is given.

A real child with a real process number, an exit code and a session of its own, without the seconds of imports: it can
be killed a hundred times. `doom` says at which of its operations on the run's files the next child kills itself, which
no clock could hit: between two renames, before a file of a checkpoint is opened. `most_bytes` is the largest file that
it can write, as on a disk that is full. `phase` is a phase of a training with rewards and how many of them it outlives.
"""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tiny import give_to_process

from studio.checkpoints.merges import find_merges_folder
from studio.launchers.local import LocalLauncher
from studio.models.libraries import import_libraries
from studio.runs.run import Run, find_run
from studio.works import WORKS
from studio.works.worker import execute
from studio.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
FILE_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "shutil.rmtree")


class Nursery(LocalLauncher):
    """A launcher whose children are forked."""

    def __init__(self) -> None:
        self.doom = 0
        self.most_bytes = 0
        self.phase: tuple[str, int] | None = None
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        assert self._ask("hello") == "ready"

    def launch(self, workspace: Workspace, run: Run) -> None:
        """Fork a child that trains the run."""
        pid = self._ask("fork", str(workspace.folder), run.run_id, self.doom, self.most_bytes, self.phase)
        try:
            give_to_process(run, pid)
        finally:
            self._ask("go", pid)
        self.doom = self.most_bytes = 0
        self.phase = None

    def find_exit_code(self, pid: int) -> int | None:
        """Return how a child ended."""
        code: int | None = self._ask("ask", pid)
        return code

    def list_children(self) -> list[int]:
        """Return the numbers of the children that live."""
        found: list[int] = self._ask("list")
        return found

    def close(self) -> None:
        """A studio that closes leaves the nursery to the next."""

    def end(self) -> None:
        """End the nursery; its children go on."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=120)
        self._process.stdout.close()

    def _ask(self, *words: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


def main() -> None:
    """Import what training needs, then do what each line asks for."""
    import_libraries()
    for kind in WORKS.members.values():
        importlib.import_module(kind.enters.partition(":")[0])

    gates: dict[int, int] = {}
    ended: dict[int, int] = {}
    born: list[int] = []
    for line in sys.stdin:
        word, *given = json.loads(line)
        answer: Any = "ready"
        if word == "fork":
            answer = _fork(gates, *given)
            born.append(answer)
        elif word == "go":
            os.close(gates.pop(given[0]))
        elif word == "ask":
            answer = _reap(ended, given[0])
        elif word == "list":
            answer = [pid for pid in born if _reap(ended, pid) is None]
        print(json.dumps(answer), flush=True)


def _reap(ended: dict[int, int], pid: int) -> int | None:
    if pid not in ended:
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if found:
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended.get(pid)


def _fork(
    gates: dict[int, int], workspace: str, run_id: str, doom: int, most_bytes: int, phase: tuple[str, int] | None
) -> int:
    wait, gates_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(wait)
        gates[pid] = gates_end
        return pid
    os.setsid()
    os.close(gates_end)
    os.read(wait, 1)  # until the gate is closed: the run knows its process
    found = Workspace(workspace)
    run = find_run(found, run_id)
    output = os.open(run.output_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    if doom:
        _die_at((str(run.folder), str(find_merges_folder(found))), doom)
    if phase:
        _die_in(*phase)
    code = 70
    try:
        code = execute(found, run)
    finally:
        os._exit(code)


def _die_at(folders: tuple[str, ...], doom: int) -> None:
    """Let this process kill itself just before so many of its operations on the files of some folders."""
    left = doom

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in FILE_OPERATIONS and str(arguments[0]).startswith(folders):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


PHASES = {"rollout": "_write", "update": "_step", "evaluation": "evaluate", "checkpoint": "_save"}
"""The phases of a training with rewards, and what its trainer does in them."""


def _die_in(phase: str, outlived: int) -> None:
    """Let this process kill itself in a phase of its training: at its end, before anything of it is kept."""
    from studio.training.rollouts import RolloutTrainer

    done, left = getattr(RolloutTrainer, PHASES[phase]), outlived

    def do(*given: Any, **named: Any) -> Any:
        nonlocal left
        found = done(*given, **named)
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(RolloutTrainer, PHASES[phase], do)


if __name__ == "__main__":
    main()
