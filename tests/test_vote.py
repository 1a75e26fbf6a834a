"""Votes: kept beside the run, the last word on a pair of answers counts, and what is no vote is refused in words."""

from typing import Any

import pytest
from telling import raises, tells
from tiny import make_run

from studio.answering.preferences import write_preferences
from studio.answering.vote import MOST_BYTES, Tally, list_votes, read_votes
from studio.errors import InputError
from studio.evidence.difference import find_flips_p
from studio.evidence.sign import count_needed, find_sign_p, tell_alike, tell_votes
from studio.runs.run import Run
from studio.service import Studio
from studio.tasks.kinds.chat import Chat
from studio.tasks.task import Task
from studio.workspace import Workspace

VOTE = {"choice": "base", "prompt": "1 + 1", "base": "3", "tuned": "2", "step": 0}
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
    return {"prompt": "1 + 1", "step": 0, "columns": columns, "ranks": list(ranks), **changed}


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
        {**VOTE, "step": 1},
        {**VOTE, "prompt": " "},
        {**VOTE, "base": "", "tuned": " "},
        {"prompt": "1 + 1", "step": 7, "model": "builtin", "answer": "2", "rating": 5},
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


MARKED = {"prompt": "1 + 1", "step": 0, "model": "builtin", "answer": "3"}


@pytest.mark.parametrize(
    ("data", "field", "said"),
    [
        ({**MARKED, "rating": 9}, "rating", "1 5 9"),
        ({**MARKED, "rating": 3, "prompt": " "}, "prompt", "asked"),
        ({**MARKED, "correction": " "}, "correction", "empty"),
        ({**MARKED, "correction": "3 "}, "correction", "the same"),
        ({**MARKED, "correction": "2", "prompt": ""}, "prompt", "asked"),
        (rank(), "columns", "two four []"),
        (rank(1, 7), "ranks", "1 4 7"),
        ({**VOTE, "tuned": 7}, "tuned", "text 20,000 7"),
        ({**VOTE, "step": "last"}, "step", "number last"),
    ],
)
def test_what_is_wrong_with_a_vote_is_told_with_the_rule(
    workspace: Workspace, data: Any, field: str, said: str
) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    with raises(InputError, said, field=field):
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


def test_both_bad_is_counted_and_prefers_nothing(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    studio.vote(run.run_id, {**VOTE, "choice": "bad"})
    tally = studio.vote(run.run_id, {**rank(1, 1, 1), "prompt": "2 + 2", "all_bad": True})
    assert (tally.bad, tally.same, tally.base) == (2, 0, 0) and stand(tally)["builtin"] == (0, 2)
    assert [vote.better for vote in list_votes(run.votes_file)] == ["bad"] * 4


def test_votes_become_preferences_with_the_turns_before() -> None:
    task = Task(task_id="t", definition="Say it.", instances=(Chat.make("1", "a", ("b",)),), kind="chat")
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes?"}]
    votes = read_votes({**rank(2, 1, 2), "messages": turns})
    found = write_preferences(task, votes, "20261120-000000-brave-otter")
    assert (len(found.task.instances), found.left_out) == (2, 1)
    one = found.task.instances[0]
    assert (one.output, one.rejected, one.input) == (("of run:x@5",), "of builtin", "1 + 1")
    assert [turn.content for turn in one.messages] == ["hello", "yes?", "1 + 1", "of run:x@5"]
    assert one.extra["better_model"] == "run:x@5" and found.task.kind == "preference"


@pytest.mark.parametrize(("wins", "of"), [(9, 10), (15, 20), (21, 30), (33, 50), (61, 100)])
def test_so_many_votes_show_a_preference(wins: int, of: int) -> None:
    """The table of the sign test."""
    assert find_sign_p(wins, of - wins) < 0.05 <= find_sign_p(wins - 1, of - wins + 1) and find_sign_p(5, 0) > 0.05
    for won in (0, of // 3, of // 2, wins):
        assert find_sign_p(won, of - won) == pytest.approx(find_flips_p(won, of - won), rel=1e-9)
    assert find_sign_p(540, 460) == pytest.approx(find_flips_p(540, 460), rel=0.02)
    assert count_needed(wins, of - wins) == 0 and (count_needed(wins - 1, of - wins + 1) or 0) > 0


def test_what_votes_show_is_told() -> None:
    assert tell_votes(0, 0) == "" and tells(tell_votes(2, 7), "7 9 tuned") and "more" in tell_votes(2, 7)
    assert tells(tell_votes(1, 9), "9 10 tuned 0.021") and tells(tell_votes(9, 1), "base 9 10")
    assert tell_votes(0, 0, same=2) and count_needed(500, 500) is None


def test_a_correction_is_a_pair_and_an_answer_and_no_choice_between_models(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace, task_id="studio002_question")
    with raises(InputError, field="run_id"):
        studio.votes.export(run.run_id, "corrections")
    told = {"prompt": "Mia sings.", "step": 0, "model": "run:x@5", "answer": "Sings?", "correction": "Does Mia sing?"}
    assert studio.vote(run.run_id, told) == Tally(corrections=1)
    pair = studio.votes.export(run.run_id).task.instances[0]
    assert (pair.output, pair.rejected, pair.extra["better_model"]) == (("Does Mia sing?",), "Sings?", "person")
    task = studio.votes.export(run.run_id, "corrections").task
    assert (task.kind, task.instances[0].input, task.instances[0].output) == (
        "instruction", "Mia sings.", ("Does Mia sing?",),
    )  # fmt: skip
    assert studio.load_task(task.task_id).version == task.version
    with raises(InputError, "preferences corrections", field="what"):
        studio.votes.export(run.run_id, "all")


def test_an_answer_is_rated_and_the_last_rating_counts(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace, task_id="studio002_question")
    said = {"prompt": "Mia sings.", "step": 0, "model": "run:x@5", "answer": "Sings?"}
    for rating, changed in ((2, {}), (1, {}), (5, {"answer": "Does Mia sing?"}), (3, {"answer": "Mia?"})):
        tally = studio.vote(run.run_id, {**said, **changed, "rating": rating})
    assert [(one.model, one.mean, one.count) for one in tally.marks] == [("run:x@5", 3.0, 3)]
    assert tell(tally) == (0, 0, 0) and tally.models == ()
    reading = studio.votes.export(run.run_id, "ratings")
    assert [(one.output[0], one.liked) for one in reading.task.instances] == [
        ("Sings?", False), ("Does Mia sing?", True),
    ]  # fmt: skip
    assert (reading.task.kind, len(reading.warnings)) == ("rating", 1)
    for wrong in (0, 6, "5", None, True):
        with raises(InputError, field="rating"):
            studio.vote(run.run_id, {**said, "rating": wrong})


def test_answers_of_like_length_are_told_apart(workspace: Workspace) -> None:
    studio, run = Studio(workspace), make_run(workspace)
    studio.vote(run.run_id, VOTE)
    tally = studio.vote(run.run_id, {**VOTE, "choice": "tuned", "tuned": "2, which is what one gets"})
    assert tell(tally) == (1, 0, 1) and tally.alike == (1, 0)
    assert tells(tell_alike(*tally.alike, tally.base, tally.tuned), "0 of 1")
    assert tell_alike(1, 1, 1, 1) == "" and tell_alike(0, 0, 1, 1) == ""
