"""Which card is used, and whether it works: asked of torch, and of the driver by an nvidia-smi that is a script."""

import os
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import DeviceError
from studio.models import card as cards
from studio.models import device as devices

FIRST = "First, GPU-1a, 8192 MiB, 4096 MiB, 8.6, 580.82, [N/A]"
SECOND = "Second, GPU-2b, 8192 MiB, 6000 MiB, 7.5, 580.82, Disabled"
PARTED = "NVIDIA A100, GPU-9f, 81920 MiB, [N/A], 8.0, 580.82, Enabled"
SLICES = (
    "GPU 0: NVIDIA A100 (UUID: GPU-9f)\n  MIG 1g.10gb     Device  0: (UUID: MIG-5a)\n"
    "  MIG 3g.40gb     Device  1: (UUID: MIG-5b)"
)


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let nvidia-smi answer by a shell's case of its words, beside a torch built for CUDA 13."""

    def write(cases: str) -> Path:
        shell = tmp_path / "nvidia-smi"
        shell.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}\nesac\n')
        shell.chmod(0o755)
        cards._ask.cache_clear()
        return shell

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(cards, "find_build", lambda: {"cuda": "13.0"})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("STUDIO_DEVICE", raising=False)
    yield write
    cards._ask.cache_clear()


def say(line: str) -> str:
    """A case in which nvidia-smi says one line, whatever it is asked."""
    return f'*) echo "{line}";;'


TWO = (
    f'*--id=1*|*--id=GPU-2b*) echo "{SECOND}";;\n*--id=0*|*--id=GPU-1a*) echo "{FIRST}";;\n'
    f'*--id=*) echo "No devices were found"; exit 6;;\n*) echo "{FIRST}"; echo "{SECOND}";;'
)


def test_the_card_is_the_one_that_this_process_may_see(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(TWO)
    found = devices.find_device()
    assert (found.kind, found.name, found.bf16, found.note) == ("cuda", "First", True, "")
    assert (found.memory_bytes, found.free_bytes) == (8192 * 2**20, 4096 * 2**20)
    for seen, name in (("1", "Second"), ("1,0", "Second"), ("GPU-2b", "Second"), ("0", "First")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
        assert devices.find_device().name == name, seen
    for none in ("", "-1", "7"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert devices.find_device().kind != "cuda", none


def test_the_server_and_its_children_see_the_card_with_most_room(answer: Any) -> None:
    answer(TWO)
    environment: dict[str, str] = {}
    cards.choose_card(environment)
    assert environment == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "GPU-2b"}
    named = {"CUDA_VISIBLE_DEVICES": "1,0"}
    cards.choose_card(named)
    assert named["CUDA_VISIBLE_DEVICES"] == "1"
    answer("*) exit 9;;")
    nothing: dict[str, str] = {}
    cards.choose_card(nothing)
    assert "CUDA_VISIBLE_DEVICES" not in nothing


def test_a_card_is_asked_once_a_moment(answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    answer(f'*) echo >> {asked}; echo "{FIRST}";;')
    for fresh, times in ((1e9, 1), (1e-9, 4)):
        monkeypatch.setattr(cards, "FRESH_SECONDS", fresh)
        cards._ask.cache_clear()
        asked.write_text("")
        assert {devices.find_device().name for _ in range(4)} == {"First"}
        assert asked.read_text().count("\n") == times


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (FIRST.replace("580.82", "550.54"), "550.54 580 driver Update"),
        (FIRST.replace("8.6", "7.0"), "7.0 7.5 CUDA"),
    ],
)
def test_a_card_that_torch_can_not_use_is_told_in_words(line: str, words: str, answer: Any) -> None:
    answer(say(line))
    found = devices.find_device()
    assert found.kind != "cuda" and tells(found.note, f"First {words}") and found.note.rstrip(".") in found.sentence


def test_a_driver_too_old_to_know_the_question_is_told_too(answer: Any) -> None:
    answer('*compute_cap*) exit 2;;\n*) echo "First, 418.40";;')
    assert tells(devices.find_device().note, "First 418.40 Update")


def test_a_driver_that_does_not_answer_is_told_and_not_passed_over(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "PATIENCE_SECONDS", 0.05)
    answer("*) exec sleep 20;;")
    assert tells(devices.find_device().note, "nvidia-smi answer seconds")
    for broken in ("*) exit 9;;", "*) echo;;", '*) echo "A Card, [N/A], 5, x";;'):
        answer(broken)
        found = devices.find_device()
        assert found.kind != "cuda" and tells(found.note, "nvidia-smi")


def test_a_card_that_shares_the_computers_memory_has_it(answer: Any) -> None:
    import psutil

    answer(say("NVIDIA GB10, GPU-7c, [N/A], [N/A], 12.1, 580.95, [N/A]"))
    found = devices.find_device()
    assert (found.kind, found.bf16, found.memory_bytes) == ("cuda", True, psutil.virtual_memory().total)
    assert 0 < found.free_bytes <= found.memory_bytes


def test_a_slice_of_a_card_has_its_own_memory(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(f"-L) printf '{SLICES}\\n';;\n{say(PARTED)}")
    assert devices.find_device().memory_bytes == 10 * 2**30, "the first slice is seen where none is named"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-5b")
    found = devices.find_device()
    assert found.memory_bytes == 40 * 2**30 and "3g.40gb" in found.name
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-77")
    assert tells(devices.find_device().note, "MIG-77")


def test_in_linux_inside_windows_a_tenth_is_left(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(say(FIRST))
    monkeypatch.setattr(cards.platform, "release", lambda: "5.15.167.4-microsoft-standard-WSL2")
    assert devices.find_device().free_bytes == int(0.9 * 4096 * 2**20)


@pytest.mark.parametrize(
    ("built", "words"),
    [({}, "First processor"), ({"hip": "6.4"}, "ROCm"), ({"xpu": "2025"}, "Intel"), ({"cuda": "13.0"}, "")],
)
def test_a_torch_for_another_maker_is_told(
    built: dict[str, str], words: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(say(FIRST))
    monkeypatch.setattr(cards, "find_build", lambda: built)
    found = devices.find_device()
    assert tells(found.note, words) and (found.kind == "cuda") == (not words)
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    assert devices.find_device().kind == "cpu"


def test_what_torch_was_built_for_is_read_off_it() -> None:
    import torch

    assert cards.find_build().get("cuda") == torch.version.cuda


def test_a_card_that_is_there_and_does_not_work_ends_the_run_in_words() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("here it works")
    told = devices.DeviceFacts(kind="cuda", name="A Card", memory_bytes=1, free_bytes=1, cores=1, bf16=True)
    with raises(DeviceError, "A Card driver STUDIO_DEVICE"):
        devices.try_device(told)
    assert devices.try_device(told.model_copy(update={"kind": "cpu"})).kind == "cpu"
