"""One reader of a safetensors file's header, whatever it is asked for."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.models.weights_file import read_header

STUDIO = Path(__file__).parents[1] / "studio"


def test_a_header_tells_names_numbers_and_bytes(tmp_path: Path) -> None:
    file = tmp_path / "some.safetensors"
    some = {"a": np.zeros((2, 3), np.float16), "b": np.zeros(5, np.float32), "c": np.zeros((0, 4), np.int8)}
    save_file(some, file, metadata={"key": "7"})
    assert read_header(file) == ({"a": [2, 3], "b": [5], "c": [0, 4]}, 11, 32, {"key": "7"})
    assert read_header(file).names == frozenset("abc")


@pytest.mark.parametrize("change", [b"", b"1", -1, 7, 8, 20])
def test_a_file_of_other_bytes_than_it_speaks_of_is_refused(tmp_path: Path, change: bytes | int) -> None:
    file = tmp_path / "some.safetensors"
    save_file({"a": np.ones(4, np.float32)}, file)
    whole = file.read_bytes()
    file.write_bytes(change and whole + change if isinstance(change, bytes) else whole[:change])
    with pytest.raises(ValueError):
        read_header(file)


def test_a_file_that_is_gone_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        read_header(tmp_path / "none.safetensors")


def test_nobody_else_reads_one() -> None:
    hand_made = re.compile(r"safe_open|data_offsets|get_local_safetensors")
    found = {file.name for file in STUDIO.rglob("*.py") if hand_made.search(file.read_text(encoding="utf-8"))}
    assert found == {"weights_file.py"}
