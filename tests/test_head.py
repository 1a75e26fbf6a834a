"""The output head in pieces: the likelihoods and slopes of the whole, and never more logits than a piece has."""

from typing import Any

import pytest
from telling import tells

WORDS, WIDTH, ROWS = 50, 8, 23


def make_head(bias: bool = False) -> Any:
    """A head of fifty words, its states, and the tokens that are learnt after them."""
    import torch

    dice = torch.Generator().manual_seed(0)
    head = torch.nn.Linear(WIDTH, WORDS, bias=bias)
    with torch.no_grad():
        for value in head.parameters():
            value.copy_(torch.randn(value.shape, generator=dice))
    hidden = torch.randn(ROWS, WIDTH, generator=dice).requires_grad_(True)
    return head, hidden, torch.randint(0, WORDS, (ROWS,), generator=dice)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("trains", [False, True])
@pytest.mark.parametrize(("width", "bound"), [("float32", 1e-6), ("bfloat16", 0.02), ("float16", 0.003)])
def test_it_is_the_whole(trains: bool, bias: bool, width: str, bound: float, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch.nn.functional import cross_entropy, linear

    from studio.training.fast import head as pieces

    monkeypatch.setattr(pieces, "MOST_LOGITS", 4 * WORDS)
    head, hidden, wanted = make_head(bias)
    head.requires_grad_(trains)
    weights = torch.linspace(-1, 2, ROWS)  # as an objective weighs tokens
    opened = pieces.OpenHead(head)
    opened.width = getattr(torch, width)
    read = []
    for way in ("whole", "pieces"):
        if way == "whole":
            tokens = -cross_entropy(linear(hidden, head.weight, head.bias), wanted, reduction="none")
        else:
            tokens = opened.find_likelihood(hidden, wanted)
        (tokens * weights).sum().backward()
        slopes = [one.grad for one in (hidden, *head.parameters()) if one.requires_grad]
        read.append([tokens.detach(), *(one.clone() for one in slopes)])
        hidden.grad = None
        head.zero_grad()
    assert len(read[0]) == len(read[1]) == (2 + trains * (1 + bias))
    for one, other in zip(*read, strict=True):
        assert other.dtype == torch.float32 and (one - other).norm() <= bound * one.norm()


def test_no_more_logits_stand_at_once_than_a_piece_has(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    from studio.training.fast import head as pieces

    monkeypatch.setattr(pieces, "MOST_LOGITS", 4 * WORDS)
    head, hidden, wanted = make_head()
    sizes: list[int] = []

    class Look(TorchDispatchMode):
        """Notes how large whatever is made is."""

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            sizes.extend(one.numel() for one in tree_leaves(made) if isinstance(one, torch.Tensor))
            return made

    with Look():
        pieces.OpenHead(head.requires_grad_(False)).find_likelihood(hidden, wanted).sum().backward()
    assert max(sizes) == WORDS * WIDTH and 4 * WORDS in sizes and hidden.grad is not None


def test_in_fp16_an_unlikely_word_still_pulls() -> None:
    import torch

    from studio.training.fast.head import OpenHead

    head, hidden, wanted = make_head()
    with torch.no_grad():
        head.weight.mul_(0.05)
    far = torch.nn.Linear(WIDTH, 200_000, bias=False)
    with torch.no_grad():
        far.weight.copy_(head.weight.repeat(4000, 1))  # each word has one chance in 200,000
    opened = OpenHead(far.requires_grad_(False))
    slopes = []
    for width in (torch.float32, torch.float16):
        opened.width = width
        opened.find_likelihood(hidden, wanted).sum().backward()
        assert hidden.grad is not None
        slopes.append(hidden.grad.clone())
        hidden.grad = None
    assert (slopes[0] - slopes[1]).norm() < 0.005 * slopes[0].norm()


def test_a_trial_takes_pieces_where_there_are_many_words_and_they_are_the_same(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from test_batch import BEGINNING, make_rows
    from test_trial import as_rows, load

    from studio.training import trial
    from studio.training.batch import Batcher

    for most, capped, used in ((10**9, 0.0, None), (100, 0.0, True), (100, 0.5, False)):
        monkeypatch.setattr(trial, "MOST_AT_ONCE", most)
        model, batcher = load("llama", tmp_path / f"{most} {capped}"), Batcher(0)
        if capped:  # logits that are made smaller after the head, as some architectures do
            base = model.get_base_model()
            own = base.forward

            def say_less(own: Any = own, capped: float = capped, **given: Any) -> Any:
                said = own(**given)
                said.logits = (capped * said.logits).tanh()
                return said

            base.forward = say_less
        tried = {one.way: one for one in trial.Trial(model, batcher, as_rows(make_rows(BEGINNING))).choose()}
        assert (tried[trial.PIECES].used if trial.PIECES in tried else None) == used
        assert batcher.in_pieces == bool(used)
        if used is False:
            assert tells(tried[trial.PIECES].why, "moves")
