"""Scores against cases computed by hand, and the traps in which the usual normalisation falls."""

import pytest

from studio.evidence.metrics.matching import cut_words, match_exactly, measure_rouge_l
from studio.evidence.score import Score, score_answers
from studio.tasks.kinds.instruction import Instruction


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("positive", "positive"),
        ("Positive.", "positive"),
        ("  the  Answer\n", "the answer"),
        ("it's", "its"),
        ("'yes'", "Yes!"),
        ("ice-cream", "icecream"),
        ("Größe", "größe"),
        ("cafe\u0301", "caf\u00e9"),
        ("你好", "你好"),
        ("3", "3."),
        ("$5", "5"),
        ("1,000", "1000"),
        ("-3", "-3."),
        ("-.5", "-.5"),
        ("(42)", "42"),
        ("?", "?"),
        (" ++ ", "++"),
        ("", ""),
    ],
)
def test_what_counts_as_the_same(answer: str, reference: str) -> None:
    assert match_exactly(answer, [reference])


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("positive", "negative"),
        ("the answer", "an answer"),
        ("3", "-3"),
        ("-3", "3"),
        ("35", "3.5"),
        ("3.5", "35"),
        ("5", ".5"),
        ("12", "1/2"),
        ("12", "1,2"),
        ("330", "3:30"),
        ("10002", "1,000,2"),
        ("the temperature is 3", "the temperature is -3"),
        ("?", "!"),
        ("", "?"),
        ("", "a"),
        ("你", "你好"),
        ("für", "fur"),
    ],
)
def test_what_counts_as_different(answer: str, reference: str) -> None:
    assert not match_exactly(answer, [reference])


def test_any_reference_counts() -> None:
    assert match_exactly("forty-two", ["42", "Forty-two"])
    assert measure_rouge_l("forty two", ["42", "forty two"]) == 1


@pytest.mark.parametrize(
    ("answer", "reference", "wanted"),
    [
        ("the cat sat", "the cat sat", 1),
        ("The Cat, sat!", "the cat sat", 1),
        ("the cat", "the cat sat", 0.8),  # precision 2/2, recall 2/3
        ("the dog sat", "the cat sat", 2 / 3),  # "the ... sat": 2 of 3 both ways
        ("sat cat the", "the cat sat", 1 / 3),  # only one word in order
        ("cats", "cat", 1),  # stemmed: words of four letters or more
        ("", "the cat", 0),
        ("dog", "the cat", 0),
        ("?", "?", 1),
        ("!", "?", 0),
        ("für", "für", 1),
        ("fur", "für", 0),
        ("für dich", "für mich", 0.5),
        ("你好", "你好", 1),
        ("你们", "你好", 0.5),
        ("مرحبا بكم", "مرحبا بكم", 1),
        ("हिन्दी में", "हिन्दी भाषा", 0.5),
        ("สวัสดี", "สวัสดี", 1),
        ("“quoted”", "“quoted”", 1),
    ],
)
def test_rouge_l_by_hand(answer: str, reference: str, wanted: float) -> None:
    assert measure_rouge_l(answer, [reference]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Über den Wolken!", ["über", "den", "wolken"]),
        ("東京は2020年", ["東", "京", "は", "2020", "年"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ค่ะ ab", ["ค่", "ะ", "ab"]),
        ("...", []),
        ("", []),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    assert cut_words(text) == words


def test_a_score_is_the_mean_in_percent() -> None:
    instances = [Instruction(id=str(number), input="", output=(word,)) for number, word in enumerate(["a b", "c", "d"])]
    assert score_answers(["a b", "x", "D."], instances) == Score(exact_match=66.7, rouge_l=66.7, instances=3)
    assert score_answers(["a", "c", "d"], instances) == Score(exact_match=66.7, rouge_l=88.9, instances=3)
