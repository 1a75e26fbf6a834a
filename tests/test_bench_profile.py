"""What an operation of a training step is for is told from its name and shapes."""

import pytest

from bench.profile import ATTENTION, ELSE, FROZEN, HEAD, PAIRS, find_part


@pytest.mark.parametrize(
    ("name", "shapes", "part"),
    [
        ("aten::mm", [[190, 256], [256, 1408]], FROZEN),
        ("aten::mm", [[190, 256], [256, 8]], PAIRS),
        ("aten::mm", [[1408, 190], [190, 16]], PAIRS),
        ("aten::addmm_", [[190, 1408], [190, 16], [16, 1408], [], []], PAIRS),
        ("aten::addmm", [[704], [190, 256], [256, 704], [], []], FROZEN),
        ("aten::mm", [[64, 256], [256, 4096]], HEAD),
        ("aten::mm", [[64, 4096], [4096, 256]], HEAD),
        ("aten::_log_softmax_backward_data", [[64, 4096]], HEAD),
        ("aten::bmm", [[16, 40, 64], [16, 64, 48]], ATTENTION),
        ("_AttentionBackward", [[1, 190, 4, 64]], ATTENTION),
        ("aten::mul", [[190, 704], [190, 704]], ELSE),
        ("_Product", [[1, 190, 256]], ELSE),
        ("Optimizer.step#AdamW.step", [], ELSE),
    ],
)
def test_what_an_operation_is_for(name: str, shapes: list[list[int]], part: str) -> None:
    assert find_part(name, shapes, vocabulary=4096) == part
