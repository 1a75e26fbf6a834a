"""The studio ends, whatever signals come and how many: within five seconds, with status 0, and what trains goes on."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tiny import find_free_port, import_task, losses, make_run, read_all, wait_until, write_recipe

from studio.interruption import ASKING, Interruption
from studio.runs.run import Run
from studio.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
BURST = 20
BURST_SECONDS = 0.05
END_SECONDS = 5.0
SIGNALS = tuple(getattr(signal, name) for name in ASKING)


def start(home: Path, *command: str) -> "subprocess.Popen[str]":
    """Start the studio in a process group of its own."""
    return subprocess.Popen(
        command or (sys.executable, "app.py"),
        cwd=ROOT,
        env={**os.environ, "STUDIO_HOME": str(home), "GRADIO_SERVER_PORT": str(find_free_port())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def burst(send: Callable[[int], None], dice: random.Random) -> None:
    """Send the burst, in a random mix at random moments."""
    moments = sorted(dice.uniform(0, BURST_SECONDS) for _ in range(BURST))
    began = time.monotonic()
    for moment in moments:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        try:
            send(dice.choice(SIGNALS))
        except ProcessLookupError:
            return  # it has ended already


def end(served: "subprocess.Popen[str]", send: Callable[[int], None], seed: int) -> tuple[int, str, float]:
    """Burst, and return the exit status, what it complained of and how long it took."""
    began = time.monotonic()
    try:
        burst(send, random.Random(seed))
        _, complaint = served.communicate(timeout=4 * END_SECONDS)
    finally:
        served.kill()
    return served.returncode, complaint, time.monotonic() - began


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_a_burst_ends_a_studio_that_only_comes_up(tmp_path: Path, seed: int) -> None:
    served = start(tmp_path)
    wait_until(lambda: hears(served.pid))
    time.sleep(random.Random(seed).uniform(0, 0.8 * seed))
    status, complaint, seconds = end(served, served.send_signal, seed)
    assert (status, complaint) == (0, "") and seconds < END_SECONDS


def hears(pid: int) -> bool:
    """Whether a process has a handler for the signals, but for those that it was started to ignore (`nohup`)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    heard = (number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN)
    return all(int(caught.split()[1], 16) >> number - 1 & 1 for number in heard)


@pytest.mark.long
def test_a_burst_ends_a_studio_that_serves_and_what_trains_goes_on(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace(tmp_path)
    import_task(workspace)
    run = make_run(workspace, **write_recipe(tiny_model, training={"max_steps": 20_000, "evaluate_every": 0}))
    served = start(tmp_path)
    assert served.stdout and "http://" in served.stdout.readline()
    try:
        wait_until(lambda: run.events_file.exists() and steps(run), seconds=120)
        status, complaint, seconds = end(served, lambda number: os.killpg(served.pid, number), 0)
        ended_at = steps(run)[-1]
        wait_until(lambda: steps(run)[-1] > ended_at + 2)
    finally:
        launch = run.find_launch()
        if launch:
            os.kill(launch.ticket["pid"], signal.SIGKILL)
    assert (status, complaint) == (0, "") and seconds < END_SECONDS


def steps(run: Run) -> list[int]:
    """Return the steps that a run has told of."""
    return list(losses(read_all(run)))


@pytest.mark.long
@pytest.mark.skipif(shutil.which("make") is None, reason="There is no make here.")
def test_make_run_ends_with_its_whole_group(tmp_path: Path) -> None:
    made = start(tmp_path, "make", "--no-print-directory", "-o", ".venv/.installed", "run", f"PY={sys.executable}")
    assert made.stdout and "http://" in made.stdout.readline()
    group = [process for process in psutil.process_iter() if group_of(process.pid) == made.pid]
    assert len(group) >= 2, "make and its server"
    _, complaint, _ = end(made, lambda number: os.killpg(made.pid, number), 1)
    assert "Traceback" not in complaint
    assert not psutil.wait_procs(group, timeout=END_SECONDS)[1]


def group_of(pid: int) -> int:
    """Return the process group of a process, 0 where it has ended."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_who_closes_too_slowly_is_ended_and_no_signal_changes_how() -> None:
    slow = "import sys, time\nfrom studio.interruption import *\n"
    slow += "with Interruption(*ASKING, patience_seconds=0.2): print('up', flush=True), time.sleep(60)"
    served = subprocess.Popen(
        [sys.executable, "-c", slow], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert served.stdout and served.stdout.readline() == "up\n"
    status, complaint, seconds = end(served, served.send_signal, 0)
    assert (status, complaint) == (0, "") and seconds < END_SECONDS


@pytest.mark.parametrize("seed", range(3))
def test_twenty_signals_are_one_wish_and_leave_the_handlers_as_they_were(seed: int) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruption(*ASKING) as interruption:
        assert not interruption.is_asked() and not interruption.wait(0)
        burst(signal.raise_signal, random.Random(seed))
        assert interruption.wait(5) and interruption.is_asked()
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert "interruption" not in {thread.name for thread in threading.enumerate() if thread.is_alive()}


def test_a_signal_that_nobody_asked_to_hear_is_none() -> None:
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        with Interruption("SIGINT") as interruption:
            signal.raise_signal(signal.SIGUSR1)
            assert not interruption.wait(0.05) and heard == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_closed_terminal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption(*ASKING):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.long
def test_whoever_follows_a_run_asks_it_once_to_stop(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    import_task(workspace)
    recipe = write_recipe(tiny_model, training={"max_steps": 20_000, "evaluate_every": 0, "save_every": 0})
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe))
    command = (sys.executable, "-m", "studio", "--workspace", str(workspace.folder), "train", str(file))
    followed = start(tmp_path, *command)
    wait_until(lambda: any(workspace.runs.glob("*/events.jsonl")), seconds=120)
    burst(lambda _: followed.send_signal(signal.SIGINT), random.Random(0))
    out, complaint = followed.communicate(timeout=120)
    assert followed.returncode == 0 and '"status": "stopped"' in out
    assert "Traceback" not in complaint
