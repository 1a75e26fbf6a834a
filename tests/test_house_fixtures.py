"""The suite's own tools do what they promise: the tiny model is a real one, and no test reaches the network."""

import os
import socket
from pathlib import Path

import pytest


def test_the_tiny_model_loads_and_answers(tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    text = "Café, 你好!\n"
    tokens = tokenizer(text, return_tensors="pt")
    assert tokens["input_ids"].shape[1] == len(text.encode())
    assert tokenizer.decode(tokens["input_ids"][0]) == text
    assert model.num_parameters() < 50_000
    with torch.no_grad():
        answer = model.generate(**tokens, max_new_tokens=4, do_sample=False)
    assert answer.shape[1] > tokens["input_ids"].shape[1]


def test_a_workspace_is_empty_and_temporary(workspace, tmp_path: Path) -> None:
    assert workspace.folder.is_relative_to(tmp_path)
    assert list(workspace.runs.iterdir()) == []


def test_the_environment_is_no_ones_own() -> None:
    assert os.environ["STUDIO_HOME"].startswith(os.path.dirname(os.environ["HF_HOME"]))
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("example.invalid", 80)])
def test_the_network_is_out_of_reach(address: tuple[str, int]) -> None:
    with socket.socket() as plug, pytest.raises(ConnectionRefusedError, match="don't use the network"):
        plug.connect(address)
