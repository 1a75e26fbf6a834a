"""Attention as one operation gives the numbers and the gradients of the textbook's, for any sharing of heads."""

from typing import Any

import pytest

BEGINNING, ROWS, LENGTH, SIZE, SCALE = 5, 3, 4, 8, 0.3
TOKENS = BEGINNING + ROWS * LENGTH


def make_states(heads: int, groups: int) -> list[Any]:
    """Queries, keys and values, 1 x heads x tokens x size, that want gradients."""
    import torch

    dice = torch.Generator().manual_seed(0)
    counts = (heads * groups, heads, heads)
    return [torch.randn(1, count, TOKENS, SIZE, generator=dice).requires_grad_(True) for count in counts]


def make_layout() -> Any:
    """Three rows after a beginning, the second of them padded by two tokens."""
    import torch

    from studio.training.fast.attention import Layout, make_masks

    real = torch.ones(ROWS, LENGTH, dtype=torch.long)
    real[1, :2] = 0
    return Layout(BEGINNING, ROWS, LENGTH, make_masks(real, BEGINNING))


def attend_plainly(query: Any, key: Any, value: Any) -> Any:
    """Attention over the whole sequence, token by token, with one mask that says who sees whom."""
    import torch

    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    row = torch.tensor([-1] * BEGINNING + [place // LENGTH for place in range(ROWS * LENGTH)])
    place = torch.arange(TOKENS)
    padding = torch.zeros(TOKENS, dtype=torch.bool)
    padding[BEGINNING + LENGTH : BEGINNING + LENGTH + 2] = True
    sees = (place[:, None] >= place) & ((row[:, None] == row) | (row == -1)) & ~padding
    scores = SCALE * query @ key.transpose(2, 3)
    scores = scores.masked_fill(~sees, torch.finfo(scores.dtype).min)
    return (scores.softmax(dim=-1) @ value).transpose(1, 2)


def measure(attend: Any, states: list[Any]) -> list[Any]:
    """What is attended to, without the padding, and the gradients of the states."""
    import torch

    found = attend(*states)
    weights = torch.linspace(-1, 1, found.numel()).view(found.shape)
    weights[:, BEGINNING + LENGTH : BEGINNING + LENGTH + 2] = 0
    (found * weights).sum().backward()
    gradients = [one.grad for one in states]
    for one in states:
        one.grad = None
    return [found.detach() * (weights != 0), *gradients]


@pytest.mark.parametrize(("heads", "groups"), [(1, 1), (4, 1), (2, 3), (1, 4)])
def test_it_is_the_textbooks(heads: int, groups: int) -> None:
    from studio.training.fast.attention import attend

    states, layout = make_states(heads, groups), make_layout()
    for found, wanted in zip(
        measure(lambda *each: attend(*each, layout, SCALE), states), measure(attend_plainly, states), strict=True
    ):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        assert (found - wanted).abs().max() < 1e-5


def test_in_16_bits_it_is_as_near_to_32_as_the_textbooks() -> None:
    import torch

    from studio.training.fast.attention import attend

    states, layout = make_states(2, 3), make_layout()
    truth = measure(attend_plainly, states)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = measure(lambda *each: attend(*each, layout, SCALE), states)
        theirs = measure(attend_plainly, states)
    for one, other, true in zip(ours, theirs, truth, strict=True):
        assert (one - true).norm() <= 1.5 * (other - true).norm() + 1e-3 * true.norm()


ASKED: list[dict[str, Any]] = []


class Attention:
    """An attention of this module, whose eager function is the next one."""


def eager_attention_forward(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
    """Note that an architecture's own function was asked."""
    ASKED.append(options)
    return query.transpose(1, 2), None


@pytest.mark.parametrize("option", [{"dropout": 0.5}, {"softcap": 3.0}, {}])
def test_what_is_computed_otherwise_stays_with_the_architecture(option: dict[str, Any]) -> None:
    from studio.training.fast import one_pass

    ASKED.clear()
    token = one_pass._LAYOUT.set(make_layout())
    try:
        one_pass._attend_plainly(Attention(), *make_states(2, 1), None, scaling=SCALE, **option)
    finally:
        one_pass._LAYOUT.reset(token)
    assert bool(ASKED) == bool(option), "and what is usual is computed here"
