"""Two studios on one workspace, as two processes: one starts the runs, both see the same, and kill -9 hands over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import kinds, make_run, wait_until

from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run, list_runs
from studio.workspace import Workspace

TESTS = Path(__file__).parent
STUDIO = """
import sys
from tiny import WritingLauncher
from studio.runs.run import find_run
from studio.queueing.scheduler import Scheduler
from studio.workspace import Workspace

scheduler = Scheduler(Workspace(sys.argv[1]), WritingLauncher())
scheduler.open()
print("open", flush=True)
for line in sys.stdin:  # each line is a wish: what is seen, or the end of a run
    for run_id in scheduler.launcher.sleepers.copy():
        if line.strip() == "finish":
            scheduler.launcher.finish(find_run(scheduler.workspace, run_id))
            scheduler.wake()
    seen = scheduler.look_at_all()
    print([(status.run_id, status.status, status.step, status.position) for status in seen], flush=True)
"""


class Other:
    """A studio in a process of its own. Its runs are sleepers that end with it."""

    def __init__(self, workspace: Workspace) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STUDIO, str(workspace.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS.parent,
            env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        )
        assert self.read() == "open"

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, wish: str = "look") -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{wish}\n")
        self.process.stdin.flush()
        return self.read()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=120)


@pytest.fixture
def others(workspace: Workspace) -> Iterator[list[Other]]:
    """Two studios, the first of which came first."""
    first = Other(workspace)
    run = make_run(workspace)
    wait_until(lambda: run.was_launched())
    others = [first, Other(workspace)]
    yield others
    for other in others:
        if other.process.poll() is None:
            other.kill()
        for pipe in (other.process.stdin, other.process.stdout):
            assert pipe is not None
            pipe.close()


def starts(run: Run) -> int:
    """Return how often a training of the run was started."""
    return kinds(run).count("started") if run.events_file.exists() else 0


def test_the_one_that_starts_runs_is_killed_and_the_other_takes_over(workspace: Workspace, others: list[Other]) -> None:
    first, second = others
    (run,) = list_runs(workspace)
    wait_until(lambda: starts(run) == 1 and "running" in first.ask())
    waiting = make_run(workspace)
    assert first.ask() == second.ask() and f"('{waiting.run_id}', 'queued', 0, 1)" in second.ask()
    first.kill()
    wait_until(lambda: starts(waiting) == 1, seconds=30)
    seen = wait_until(lambda: "running" in (now := second.ask()) and now)
    assert f"('{run.run_id}', 'lost', 1, None)" in seen, "its child ended with it, and that is said"
    own = Scheduler(workspace)
    assert {status.run_id: status.status for status in own.look_at_all()} == {
        run.run_id: "lost",
        waiting.run_id: "running",
    }
    own.resume(run)
    second.ask("finish")
    wait_until(lambda: starts(run) == 2, seconds=30)
    assert starts(waiting) == 1


def test_while_both_live_each_run_is_started_once(workspace: Workspace, others: list[Other]) -> None:
    first, second = others
    runs = [*list_runs(workspace), *(make_run(workspace) for _ in range(4))]
    for run in runs:
        wait_until(lambda run=run: starts(run) == 1)
        assert first.ask() == second.ask()
        first.ask("finish")
        second.ask("finish")
    assert [starts(run) for run in runs] == [1] * 5
    assert all(kinds(run) == ["started", "metrics", "finished"] for run in runs)
