"""Certainty against scipy and tables of exact values: intervals, flips, what a set can show, and the sentence."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from telling import tells

from studio.evidence.content import hash_told
from studio.evidence.difference import find_difference, find_flips_p, find_smallest
from studio.evidence.flips import FATES, count_fates, mark_difference, tell_fate
from studio.evidence.general import write_general
from studio.evidence.interval import find_interval, find_wilson, sum_clusters
from studio.evidence.metrics import METRICS, Answered
from studio.rewards import REWARDS

EXACT, ROUGE = METRICS.find("exact_match"), METRICS.find("rouge_l")


def answer(words: Sequence[str], wanted: str = "a b c d", clusters: Sequence[str] | None = None) -> list[Answered]:
    """Answers to instances that all want the same words."""
    names = clusters or [str(place) for place in range(len(words))]
    return [Answered(word, (wanted,), name) for word, name in zip(words, names, strict=True)]


def right(flags: Sequence[bool]) -> list[Answered]:
    return answer(["a b c d" if flag else "x" for flag in flags])


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (100, 100, 96.3, 100.0),
        (50, 50, 92.9, 100.0),
        (20, 20, 83.9, 100.0),
        (0, 10, 0.0, 27.8),
        (41, 100, 31.9, 50.8),
        (1, 1, 20.7, 100.0),
    ],
)
def test_wilson_by_a_table(hits: int, count: int, low: float, high: float) -> None:
    found = find_interval(EXACT, right([place < hits for place in range(count)]))
    assert [round(end or 0, 1) for end in found] == [low, high]


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (3, 7), (98, 100), (100, 100), (213, 400)])
def test_wilson_is_scipys(hits: int, count: int) -> None:
    from scipy.stats import binomtest

    wanted = binomtest(hits, count).proportion_ci(method="wilson")
    assert find_wilson(hits / count, count) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_equal_inputs_count_once() -> None:
    alone = find_interval(EXACT, right([True] * 20))
    twice = find_interval(EXACT, answer(["a b c d"] * 40, clusters=[str(place // 2) for place in range(40)]))
    assert twice == alone


def test_the_bootstrap_is_scipys() -> None:
    from scipy.stats import bootstrap

    words = ["a b c d", "a b c", "a b", "a", "x"] * 12
    found = find_interval(ROUGE, answer(words))
    grades = np.array([ROUGE.grade(word, ["a b c d"]) for word in words]) * 100
    wanted = bootstrap((grades,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1))
    assert found == pytest.approx(tuple(wanted.confidence_interval), abs=1.5)
    assert find_interval(ROUGE, answer(words)) == found, "the same dice each time"


def test_the_bootstrap_draws_clusters() -> None:
    words = ["a b c d", "a"] * 30
    spread = find_interval(ROUGE, answer(words))
    together = find_interval(ROUGE, answer(words, clusters=[f"{place % 2} {place // 12}" for place in range(60)]))
    assert spread.low and spread.high and together.low and together.high
    assert together.high - together.low > 1.8 * (spread.high - spread.low)
    assert sum_clusters(np.array([[1.0], [2.0], [4.0]]), ["x", "y", "x"]).tolist() == [[5], [2]]


def test_a_graded_score_at_its_bound_has_an_interval_all_the_same() -> None:
    low, high = find_interval(ROUGE, right([True] * 50))
    assert (round(low or 0, 1), high) == (92.9, 100)


def test_macro_f1_at_its_bound_has_one_too() -> None:
    answered = [Answered("?", (wanted,), str(place)) for place, wanted in enumerate(["a", "b"] * 20)]
    low, high = find_interval(METRICS.find("macro_f1"), answered, ("a", "b"))
    assert low == 0 and round(high or 0, 1) == 8.8


@pytest.mark.parametrize("metric", METRICS.members)
def test_nothing_and_one_instance_are_no_accident(metric: str) -> None:
    for answered in ([], right([True])):
        low, high = find_interval(METRICS.find(metric), answered, ("a b c d", "x"))
        assert low is None or high is None or low <= high


@pytest.mark.parametrize(
    ("wins", "losses", "p"), [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (9, 1, 0.021484375), (3, 3, 1.0)]
)
def test_mcnemar_by_a_table(wins: int, losses: int, p: float) -> None:
    assert find_flips_p(wins, losses) == pytest.approx(p, rel=1e-12)
    assert find_flips_p(losses, wins) == pytest.approx(p, rel=1e-12)


def test_what_a_set_can_show() -> None:
    """The table of the reference: 20 % flip, 80 % power."""
    assert round(100 * find_smallest(100, 0.2)) == 12
    assert round(100 * find_smallest(400, 0.2)) == 6
    assert find_smallest(621, 0.2) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("count", [2, 4, 5, 6, 10, 20])
def test_what_is_larger_than_the_smallest_that_can_be_shown_is_not_called_chance(count: int) -> None:
    for wins in range(count + 1):
        for losses in range(min(3, count - wins + 1)):
            rest = [True] * (count - wins - losses)
            before, after = (right([won] * wins + [not won] * losses + rest) for won in (False, True))
            found = find_difference(EXACT, before, after)
            assert found.p is not None
            if found.smallest_difference is None:
                assert count < 6 and found.p > 0.05 and tells(found.sentence, f"{count} 6")
            elif abs(found.difference) >= found.smallest_difference:
                assert found.p < 0.05, found.sentence


def test_the_sentence_of_a_sure_thing() -> None:
    before = right([place >= 41 for place in range(100)])
    after = right([not 41 <= place < 44 for place in range(100)])
    found = find_difference(EXACT, before, after)
    assert (found.n, found.wins, found.losses, found.difference) == (100, 41, 3, 38)
    assert found.p is not None and found.p < 0.001 and found.low and found.high and found.low < 38 < found.high
    assert tells(found.sentence, "41 100 3 0.001")
    back = find_difference(EXACT, after, before)
    assert (back.wins, back.losses, back.difference) == (3, 41, -38) and tells(back.sentence, "worse")


def test_the_sentence_of_what_may_be_chance() -> None:
    found = find_difference(EXACT, right([place >= 4 for place in range(100)]), right([True] * 100))
    assert (found.wins, found.losses, found.p) == (4, 0, 0.125)
    assert tells(found.sentence, "4 100 0 0.12 12 4")
    same = find_difference(EXACT, right([True] * 100), right([True] * 100))
    assert same.p == 1 and tells(same.sentence, "100 12 0")


def test_one_input_can_not_show_a_difference() -> None:
    found = find_difference(EXACT, right([False]), right([True]))
    assert (found.p, found.low, found.smallest_difference) == (None, None, None) and found.sentence.endswith(".")


def test_graded_scores_are_compared_in_pairs() -> None:
    """All rise by a little: a pair shows it where two intervals overlap."""
    before = answer(["a", "a b", "x", "a b c"] * 15)
    after = answer(["a b", "a b c", "a", "a b c d"] * 15)
    found = find_difference(ROUGE, before, after)
    assert (found.wins, found.losses) == (60, 0) and found.p is not None and found.p < 0.001
    first, second = find_interval(ROUGE, before), find_interval(ROUGE, after)
    assert found.low and found.low > 0 and (second.low or 0) - (first.high or 0) < found.low
    same = find_difference(ROUGE, before, before)
    assert (same.p, same.difference) == (1, 0)


def test_lower_is_better_where_the_metric_says_so() -> None:
    bits = METRICS.find("bits_per_byte")
    before = [Answered("", ("x",), str(place), 3.0 + place % 3, 1) for place in range(30)]
    after = [each._replace(nats=each.nats - 1) for each in before]
    found = find_difference(bits, before, after)
    assert (found.wins, found.losses) == (30, 0) and found.difference < 0 and tells(found.sentence, "30 0 0.001")


def test_fates() -> None:
    found = [tell_fate(*pair) for pair in ((0, 1), (1, 0), (0, 0), (1, 1), (0.5, 0.5), (0.2, 0.4))]
    assert found == ["better", "worse", "stayed wrong", "stayed right", "stayed wrong", "better"]
    assert count_fates(found) == dict(zip(FATES, (2, 1, 2, 1), strict=True))


@pytest.mark.parametrize(
    ("before", "after", "only"),
    [
        ("the cat sat.", "the dog sat.", (["cat"], ["dog"])),
        ("yes", "", (["yes"], [])),
        ("", "", ([], [])),
        ("same", "same", ([], [])),
        ("für dich", "für mich", (["dich"], ["mich"])),
    ],
)
def test_the_difference_is_marked(before: str, after: str, only: tuple[list[str], list[str]]) -> None:
    left, right = mark_difference(before, after)
    assert ("".join(text for text, _ in left), "".join(text for text, _ in right)) == (before, after)
    assert ([text for text, other in left if other], [text for text, other in right if other]) == only


def test_the_frontier_is_what_no_other_checkpoint_beats() -> None:
    from studio.evidence.frontier import Point, find_best, list_points
    from studio.runs.event import parse_event
    from studio.ui.steps.compare.pictures import draw_frontier

    def scored(step: int, part: str, value: float, examples: int = 0) -> Any:
        told = {"event": "scored", "at": 1, "step": step, "part": part, "value": value, "examples": examples}
        told |= {"n": 8, "of": 24} if part == "general" else {}
        return parse_event(json.dumps(told).encode())

    events = [scored(0, "validation", 10), scored(0, "validation", 30, 2), scored(0, "general", 0)]
    events += [scored(50, "validation", 80), scored(50, "general", 0.3), scored(75, "validation", 99)]
    points = list_points("otter", events)
    assert points == [Point("otter", 0, 10, 0, "8 of 24"), Point("otter", 50, 80, 0.3, "8 of 24")]
    beaten = Point("seal", 50, 70, 0.4)
    assert find_best([*points, beaten]) == set(points)
    drawn = draw_frontier([*points, beaten], "otter")
    assert drawn.count("<circle") == 3 and drawn.count(" best") == 2 and tells(drawn, "otter seal 0.300")
    assert " beyond" not in drawn and "this run" in drawn and "base" in drawn
    far = draw_frontier([*points, beaten, Point("hare", 9, 5, 7.2)], "otter")
    assert far.count(' beyond"') == 1 and tells(far, "7.200 1.200"), "a run that is far off leaves the others apart"
    assert draw_frontier(points[:1], "otter") == "" == draw_frontier([beaten], "otter")
    assert "8 of 24, 40 of 40" in draw_frontier([*points, beaten._replace(texts="40 of 40")], "otter")


@pytest.mark.parametrize(("version", "digest"), [(1, "ff226913e6ea"), (2, "18a2cac8b270")])
def test_the_general_text_is_only_added_to(version: int, digest: str) -> None:
    """What was measured on a version is of the same text for ever: another text is another version."""
    from studio.evidence.passages import PASSAGES, VERSIONS

    assert hash_told(PASSAGES[: VERSIONS[version - 1]], 12) == digest
    assert len(VERSIONS) == 2 and len(PASSAGES) == len(set(PASSAGES)) == VERSIONS[-1]
    assert write_general(is_builtin=False).title.endswith(f"version {len(VERSIONS)}")
    assert write_general(is_builtin=True).version != write_general(is_builtin=False).version


def test_what_was_earned_is_drawn_against_how_far_a_model_went_for_it() -> None:
    from studio.evidence.trade import Traded, find_least_kl, list_traded
    from studio.runs.event import parse_event
    from studio.ui.steps.compare.pictures import draw_trade

    def step(number: int, **measures: float) -> Any:
        told = {"event": "metrics", "at": 1, "step": number, "loss": 0.1, "measures": measures}
        return parse_event(json.dumps(told).encode())

    events = [step(n, reward=n / 30, kl=n / 10) for n in range(1, 25)]
    traded = list_traded([*events, step(25), step(26, reward=1)])
    assert len(traded) == 12 and traded[0] == Traded(2, pytest.approx(1.5 / 30), pytest.approx(0.15))
    assert list_traded([step(1), step(2)]) == [] and draw_trade(traded[:1], True) == ""
    assert find_least_kl(0.649, 0.2) == pytest.approx(0.474, abs=1e-3) and find_least_kl(0.1, 0.2) == 0
    drawn = draw_trade(traded, True)
    assert drawn.count("<circle") == 12 and drawn.count('class="bound"') == 1 and tells(drawn, "1.00 2.35 24")
    assert "bound" not in draw_trade(traded, False)


@pytest.mark.parametrize("name", REWARDS.members)
def test_a_reward_says_whether_it_is_yes_or_no(name: str) -> None:
    settings = {"matches": {"pattern": "a"}, "contains": {"text": "a"}, "learnt": {"model": "run:x@1"}}
    reward = REWARDS.read({"name": name, **settings.get(name, {})})
    if reward.yes_or_no:
        assert {reward.judge(answer, ["a b"]) for answer in ("a b", "a", "", "b", "{}", "a " * 90)} <= {0.0, 1.0}


def test_the_confusion_is_drawn_as_it_was_counted() -> None:
    from studio.evidence.evidence import LabelTable
    from studio.ui.steps.compare.pictures import draw_confusion

    table = LabelTable(checkpoint="x", labels=("<yes>", "no"), counts=((3, 1, 0), (0, 4, 2)), f1=(85.7, None))
    drawn = draw_confusion([table], {"x": "otter"})
    assert tells(drawn, "otter 86") and "--share:75%" in drawn and "<yes>" not in drawn and drawn.count("<tr>") == 3


def test_one_pair_that_is_even_is_told_as_one() -> None:
    from studio.evidence.win_rate import WinRate, tell_wins

    found = {"n": 12, "wins": 10, "losses": 1, "rate": 91.0, "low": 62.0, "high": 98.0, "p": 0.01}
    for ties, words in ((1, "1 is even"), (2, "2 are even")):
        assert words in tell_wins(WinRate.model_construct(**found, ties=ties), "a judge", ("one", "other"))
