"""What every test may lean on: a workspace of its own, a tiny real model, and a world without a network.

Knows the studio's nouns it hands out. The browser's fixtures are in `tests/browser/conftest.py`. Heavy libraries are
imported inside the fixtures, so that collecting the suite loads none of them.
"""

import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

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


def pytest_unconfigure() -> None:
    """Remove what the session left in its temporary home."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Any:
    """An empty workspace."""
    from studio.workspace import Workspace

    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real Llama as small as one can be: 260 byte tokens, width 32, two layers, 35,000 weights.

    `AutoModelForCausalLM` and `AutoTokenizer` load it like any other. It knows nothing: its weights are random, and the
    same at each call. Read only; copy it before changing it.
    """
    from tiny import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama")
