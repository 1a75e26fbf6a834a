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
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tokenizer = _byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_tokenizer() -> Any:
    """A tokenizer whose tokens are the 256 bytes and four special ones: any text has tokens and comes back whole."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    letters = [*special.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bytewise = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    bytewise.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(tokenizer_object=bytewise, model_max_length=512, **special)
