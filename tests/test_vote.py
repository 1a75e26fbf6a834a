"""Votes: kept beside the run, the last word on a pair of answers counts, and what is no vote is refused in words."""

from typing import Any

import pytest
from tiny import make_run

from studio.answering.vote import MOST_BYTES
from studio.errors import InputError
from studio.service import Studio
from studio.workspace import Workspace

VOTE = {"choice": "base", "prompt": "1 + 1", "base": "3", "tuned": "2", "step": 5}


def test_the_last_word_on_a_pair_of_answers_counts(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    assert studio.count_votes(run.run_id).model_dump() == {"base": 0, "same": 0, "tuned": 0}
    studio.vote(run.run_id, VOTE)
    studio.vote(run.run_id, {**VOTE, "prompt": "2 + 2", "choice": "same"})
    assert studio.vote(run.run_id, {**VOTE, "choice": "tuned"}).model_dump() == {"base": 0, "same": 1, "tuned": 1}
    with run.votes_file.open("ab") as file:
        file.write(b'{"choice": "both"}\n\xff\xfe\n[]\n{"half')
    assert Studio(workspace).count_votes(run.run_id).model_dump() == {"base": 0, "same": 1, "tuned": 1}


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
