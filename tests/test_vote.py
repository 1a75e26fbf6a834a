"""Votes: kept beside the run, the last word on a pair of answers counts, and what is no vote is refused in words."""

from typing import Any

import pytest
from tiny import make_run

from studio.answering.vote import MOST_BYTES, Tally, read_votes
from studio.errors import InputError
from studio.runs.run import Run
from studio.service import Studio
from studio.workspace import Workspace

VOTE = {"choice": "base", "prompt": "1 + 1", "base": "3", "tuned": "2", "step": 5}
MODELS = ("builtin", "run:x@5", "run:y@5", "run:z@5")


def tell(tally: Tally) -> tuple[int, int, int]:
    """How often base, neither and tuned were liked better."""
    return tally.base, tally.same, tally.tuned


def count(studio: Studio, run: Run) -> tuple[int, int, int]:
    """The same of the votes that a run keeps."""
    return tell(studio.count_votes(run.run_id))


def rank(*ranks: int | None, **changed: Any) -> dict[str, Any]:
    """A ranking of as many answers as there are ranks."""
    columns = [{"model": model, "answer": f"of {model}"} for model in MODELS[: len(ranks)]]
    return {"prompt": "1 + 1", "step": 5, "columns": columns, "ranks": list(ranks), **changed}


def stand(tally: Tally) -> dict[str, tuple[int, int]]:
    """In how many pairs each model was better, and in how many it was compared."""
    return {one.model: (one.won, one.of) for one in tally.models}


def test_the_last_word_on_a_pair_of_answers_counts(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    assert count(studio, run) == (0, 0, 0)
    studio.vote(run.run_id, VOTE)
    studio.vote(run.run_id, {**VOTE, "prompt": "2 + 2", "choice": "same"})
    assert tell(studio.vote(run.run_id, {**VOTE, "choice": "tuned"})) == (0, 1, 1)
    with run.votes_file.open("ab") as file:
        file.write(b'{"choice": "both"}\n\xff\xfe\n[]\n{"half')
    assert count(Studio(workspace), run) == (0, 1, 1)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {**VOTE, "choice": "<script>"},
        {**VOTE, "choice": ["base"]},
        {**VOTE, "prompt": 7},
        {**VOTE, "base": "x" * 20_001},
        {**VOTE, "tuned": None},
        {**VOTE, "step": -1},
        {**VOTE, "step": True},
        {**VOTE, "step": 10**400},
        {**VOTE, "prompt": "\ud800"},
        rank(1),
        rank(1, 2, 3, 4, columns=[]),
        rank(1, 2, 5),
        rank(1, 2, True),
        rank(1, 2, 3, ranks=[1, 2]),
        rank(1, 2, ranks="12"),
        rank(1, 2, columns=[{"model": "x", "answer": "y" * 20_001}] * 2),
    ],
)
def test_what_is_no_vote_is_refused_in_words(workspace: Workspace, data: Any) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    with pytest.raises(InputError):
        studio.vote(run.run_id, data)
    assert not run.votes_file.exists()


def test_a_run_keeps_so_many_votes_and_no_more(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    studio.vote(run.run_id, VOTE)
    with run.votes_file.open("ab") as file:
        file.write(b"\n" * MOST_BYTES)
    with pytest.raises(InputError):
        studio.vote(run.run_id, {**VOTE, "prompt": "2 + 2"})
    assert studio.count_votes(run.run_id).base == 1


@pytest.mark.parametrize(
    ("ranks", "better"),
    [
        ((1, 2), ["first"]),
        ((2, 1), ["second"]),
        ((1, 1), ["same"]),
        ((None, 1), ["second"]),
        ((2, 1, None), ["second", "first", "first"]),
        ((None, None, 1), ["none", "second", "second"]),
        ((None, None, None), ["none", "none", "none"]),
        ((3, 1, 2, 2), ["second", "second", "second", "first", "first", "same"]),
    ],
)
def test_a_ranking_is_a_vote_on_each_pair(ranks: tuple[int | None, ...], better: list[str]) -> None:
    told = [vote.better for vote in read_votes(rank(*ranks))]
    assert told == [one for one in better if one != "none"], "of what isn't ranked nothing is said"
    votes = read_votes(rank(*ranks, takes_back=True))
    assert [vote.better for vote in votes] == better
    assert [vote.models for vote in votes] == [
        (MODELS[left], MODELS[right]) for left in range(len(ranks)) for right in range(left + 1, len(ranks))
    ]


def test_a_ranking_counts_for_each_model_and_its_last_word_counts(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    base, tuned, other, _ = MODELS
    first = studio.vote(run.run_id, rank(None, 1, None))
    assert tell(first) == (0, 0, 1) and stand(first) == {base: (0, 1), tuned: (2, 2), other: (0, 1)}
    whole = studio.vote(run.run_id, rank(3, 1, 2))
    assert tell(whole) == (0, 0, 1) and stand(whole) == {base: (0, 2), tuned: (2, 2), other: (1, 2)}
    assert len(run.votes_file.read_text().splitlines()) == 3, "what was said is not written again"
    kept = studio.vote(run.run_id, rank(None, 1, None))
    assert stand(kept) == stand(whole), "a ranking that has only begun unsays nothing"
    changed = studio.vote(run.run_id, rank(None, None, 1, takes_back=True))
    assert tell(changed) == (0, 0, 0) and stand(changed) == {base: (0, 1), tuned: (0, 1), other: (2, 2)}


def test_a_pair_is_the_same_whichever_column_stood_first(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    *_, third, fourth = MODELS
    found = stand(studio.vote(run.run_id, rank(None, None, 1, 2)))
    assert (found[third], found[fourth]) == ((3, 3), (2, 3))
    turned = rank(None, None, 2, 1)
    turned["columns"][2:] = reversed(turned["columns"][2:])
    assert stand(studio.vote(run.run_id, turned)) == found


def test_a_vote_on_two_and_a_ranking_of_two_are_the_same_word(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    columns = [{"model": "builtin", "answer": "3"}, {"model": "run:x@5", "answer": "2"}]
    studio.vote(run.run_id, VOTE)
    assert tell(studio.vote(run.run_id, rank(2, 1, columns=columns))) == (0, 0, 1)
