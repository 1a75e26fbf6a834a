"""How many cores a training takes, and that no number of them changes what it learns."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny import import_task, losses, read_all, train, write_recipe

from studio.models.device import DeviceFacts, find_device
from studio.workspace import Workspace

TWO_CORES = find_device().model_copy(update={"kind": "cpu", "cores": 2})


@pytest.mark.parametrize(
    ("device", "seconds", "taken"),
    [
        (TWO_CORES, (9.0, 0.6, 0.6, 0.7, 0.1), [2]),
        (TWO_CORES, (9.0, 0.6, 0.6, 0.7, 0.5, 0.6, 0.7, 9.0), [2, 1]),  # others came who want a core
        (TWO_CORES, (9.0, 0.6, 0.4, 9.0, 9.0), []),  # two of them did more than most do
        (TWO_CORES.model_copy(update={"cores": 1}), (5.0,) * 5, []),
        (TWO_CORES.model_copy(update={"kind": "cuda"}), (5.0,) * 5, []),
    ],
)
def test_a_long_step_takes_the_pages_core_too(
    device: DeviceFacts, seconds: tuple[float, ...], taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training import cores

    threads: list[int] = []
    asked: list[bool] = []
    now = [0.0]
    monkeypatch.setattr(cores, "time", SimpleNamespace(process_time=lambda: now[0], monotonic=lambda: now[0]))
    monkeypatch.setattr(cores, "yield_to_others", lambda: asked.append(True))
    monkeypatch.setattr(cores.torch, "set_num_threads", threads.append)
    monkeypatch.setattr(cores.torch, "get_num_threads", lambda: 1)
    watcher: Any = cores.Cores(device)
    for each in seconds:
        watcher.on_step_begin(None, None, None)
        now[0] += each
        watcher.on_step_end(None, None, None)
    assert threads == taken and asked == [True] * bool(taken)


def test_every_thread_gives_way() -> None:
    script = """
import os, threading
from studio.training.priority import yield_to_others
before, over = os.nice(0), threading.Event()
thread = threading.Thread(target=over.wait)
thread.start()
yield_to_others(before + 3)
print([os.getpriority(os.PRIO_PROCESS, each) - before for each in (0, thread.native_id)])
over.set()
"""
    root = Path(__file__).parents[1]
    said = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True).stdout
    assert said.strip() == ("[3, 3]" if sys.platform == "linux" else said.strip())


def test_the_losses_are_the_same_whatever_the_threads(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from studio.training import cores, session

    workspace, known = Workspace(tmp_path), torch.get_num_threads()
    import_task(workspace)
    monkeypatch.setattr(cores, "yield_to_others", lambda: None)
    monkeypatch.setattr(session, "find_device", lambda: TWO_CORES)
    told: list[dict[int, float]] = []
    used: list[set[int]] = []
    take = torch.set_num_threads
    monkeypatch.setattr(torch, "set_num_threads", lambda number: (used[-1].add(number), take(number)))
    try:
        for long in (1e9, -1.0):
            used.append(set())
            monkeypatch.setattr(cores, "LONG_SECONDS", long)
            told.append(losses(read_all(train(workspace, write_recipe(tiny_model)))))
    finally:
        take(known)
    assert used == [{1}, {1, 2}] and told[0].keys() == told[1].keys()
    assert list(told[0].values()) == pytest.approx(list(told[1].values()), rel=1e-4)
