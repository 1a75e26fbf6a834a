"""A child that the kernel really ends for lack of memory: the run says so, with the change that lets it train again.

Needs a control group of its own, so it runs where the tests may make one (as root on Linux) and is skipped elsewhere.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nursery import Nursery
from telling import tells
from tiny import import_task, read_all, wait_until, write_recipe

from studio.runs.run import find_run
from studio.service import Studio
from studio.workspace import Workspace

V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
LIMIT = 1 << 18
GROWING = {"max_steps": 100_000, "evaluate_every": 30, "save_every": 30}
"""With steps that take memory which was not taken before."""


@pytest.fixture
def group() -> Iterator[tuple[Path, str]]:
    """A control group without processes, and the name of the file that limits its memory."""
    root, limit = (V1, "memory.limit_in_bytes") if V1.is_dir() else (V2, "memory.max")
    folder = root / f"studio-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(LIMIT))
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no control group of memory can be made here: {error}")
    greedy = f"open({str(folder / 'cgroup.procs')!r}, 'w').write('0'); b'x' * (64 << 20)"
    ended = subprocess.run([sys.executable, "-c", greedy], check=False).returncode
    if ended != -signal.SIGKILL:
        folder.rmdir()
        pytest.skip("what takes more memory than its control group may have is not ended here")
    yield folder, limit
    wait_until(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


def test_the_kernels_own_kill_is_told_with_what_to_lower(
    workspace: Workspace, tiny_model: Path, group: tuple[Path, str], nursery: Nursery
) -> None:
    import_task(workspace)
    studio = Studio(workspace, nursery)
    run = find_run(workspace, studio.start_run(write_recipe(tiny_model, training=GROWING)))
    assert studio.scheduler.start_next() is not None
    launch = run.find_launch()
    assert launch is not None
    try:
        wait_until(lambda: studio.run_status(run.run_id).step > 2)
        (group[0] / "cgroup.procs").write_text(str(launch.ticket["pid"]))  # from here on each new page counts
        code = wait_until(lambda: nursery.find_exit_code(launch.ticket["pid"]), seconds=200)
        assert code == -signal.SIGKILL
        studio.scheduler.start_next()
        status = studio.run_status(run.run_id)
        assert status.status == "lost" and tells(status.error, "memory")
        assert status.remedy_changes and read_all(run)[-1]["event"] == "died"
        again = studio.run_status(studio.train_again(run.run_id))
        assert again.recipe["training"]["batch_size"] == status.remedy_changes["training"]["batch_size"]
    finally:
        if launch.is_alive():
            os.kill(launch.ticket["pid"], signal.SIGKILL)
