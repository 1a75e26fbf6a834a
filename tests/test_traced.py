"""What is told for a graphics card, against real steps traced on fake tensors; more cells: `python -m bench traced`."""

from typing import Any

import pytest


@pytest.mark.soon(1)
@pytest.mark.parametrize("number", [1, 2])  # the first takes minutes where others work beside
def test_what_is_told_for_a_card_is_what_a_step_takes(number: int) -> None:
    from bench.fake_card import trace
    from bench.traced import FEW, tell

    cell: Any = FEW[number]
    traced = trace(cell.case)
    assert tell(cell) == pytest.approx(traced.step, rel=0.1), cell.name
    assert traced.evaluation < traced.step, "whatever trains can be evaluated"
