"""What every test may lean on: a workspace of its own, a tiny real model, and a world without a network.

Knows the studio's nouns it hands out. The browser's fixtures are in `tests/browser/conftest.py`. Heavy libraries are
imported inside the fixtures, so that collecting the suite loads none of them.
"""

import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sharing import LONGEST, choose_cases, find_group

_HOME = tempfile.mkdtemp(prefix="studio-tests-")

# Set before anything reads it: no downloads, no telemetry, nobody's real workspace or caches, one thread a worker.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    GRADIO_TEMP_DIR=f"{_HOME}/gradio",
    HF_DATASETS_OFFLINE="1",
    HF_HOME=f"{_HOME}/huggingface",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    STUDIO_HOME=f"{_HOME}/workspace",
    TOKENIZERS_PARALLELISM="false",
)
os.environ.setdefault("OMP_NUM_THREADS", "1")
for _name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_ROOT_PATH", "GRADIO_SHARE", "HF_TOKEN", "SPACE_ID"):
    os.environ.pop(_name, None)

_connect = socket.socket.connect


def _connect_nearby(self: socket.socket, address: Any) -> None:
    """Connect, but only within this machine: a test that needs the network is a test that fails at school."""
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise ConnectionRefusedError(f"Tests don't use the network, and one tried to reach {address[0]}.")
    _connect(self, address)


socket.socket.connect = _connect_nearby  # type: ignore[method-assign]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a group of tests run on one worker, so that what they share is made once."""
    from sharing import ByGroup

    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most cases of wide tests to `make long`; let the groups that take longest begin, and keep each together."""
    for item in choose_cases(items):
        item.add_marker("long")
    slow = {find_group(item.nodeid) for item in items if item.get_closest_marker("slow")}
    places: dict[str, int] = {}
    for item in items:
        places.setdefault(find_group(item.nodeid), len(places))

    def find_place(item: pytest.Item) -> tuple[int, bool, int]:
        folder, group = item.path.parent.name, find_group(item.nodeid)
        rank = LONGEST.index(folder) if folder in LONGEST else len(LONGEST)
        return rank, group not in slow, places[group]

    items.sort(key=find_place)


@pytest.fixture(autouse=True)
def one_load_at_a_time() -> None:
    """Let a test load a model while its studio does: the studio has a lock for it, which a test knows nothing of."""
    module = sys.modules.get("transformers.initialization")
    if module is None or hasattr(module.no_tie_weights, "in_turn"):
        return
    own, turn = module.no_tie_weights, threading.RLock()

    @contextmanager
    def no_tie_weights() -> Iterator[None]:
        with turn, own():
            yield

    no_tie_weights.in_turn = True  # type: ignore[attr-defined]
    module.no_tie_weights = no_tie_weights


def pytest_unconfigure() -> None:
    """Remove what the session left in its temporary home."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_spare_child() -> None:
    """Let no studio of this process keep a child waiting: each costs seconds of imports, and many estimate here.

    Tests that are about the child that waits ask for `spare_child`.
    """
    from studio.launchers import process

    process.SPARE_BYTES = 2**60


@pytest.fixture(scope="session", autouse=True)
def open_stderr() -> None:
    """Let absl, which rouge_score logs by, keep the real stderr: of a captured one it ends the capture of all tests.

    It closes its stream when logging is configured again, as it is by each server that starts in this process.
    """
    from absl import logging

    logging.get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture
def spare_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a studio keep a child waiting, whatever memory there is."""
    monkeypatch.setattr("studio.launchers.process.SPARE_BYTES", 0)


@pytest.fixture(scope="session")
def sample_cards(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a studio keeps of the sample tasks once it has read them."""
    from studio.tasks.store import TaskStore
    from studio.workspace import Workspace

    workspace = Workspace(tmp_path_factory.mktemp("cards"))
    assert TaskStore(workspace).list_tasks()
    return (workspace.cache / "task-cards.json").read_bytes()


@pytest.fixture
def workspace(tmp_path: Path, sample_cards: bytes) -> Any:
    """An empty workspace, in which the sample tasks need no reading to be listed."""
    from studio.workspace import Workspace

    workspace = Workspace(tmp_path / "workspace")
    (workspace.cache / "task-cards.json").write_bytes(sample_cards)
    return workspace


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real Llama as small as one can be: 260 byte tokens, width 32, two layers, 35,000 weights.

    `AutoModelForCausalLM` and `AutoTokenizer` load it like any other. It knows nothing: its weights are random, and the
    same at each call. Read only; copy it before changing it.
    """
    from tiny import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Any]:
    """A launcher whose children are forked from one process, which has imported what training needs."""
    from nursery import Nursery

    nursery = Nursery()
    yield nursery
    nursery.end()
