"""The metrics against tables: Super-NI's scorer to the last digit, sacrebleu, and cases computed by hand."""

import math

import numpy as np
import pytest

from studio.evidence.metrics import METRICS, Answered, list_fitting
from studio.evidence.metrics.labels import OTHER, count_confusion, find_label
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.kinds.text import Text
from studio.tasks.task import Task

# (answer, references, exact match, ROUGE-L) of real tasks (033, 040, 117, 1155, 1657) and of its traps, computed by
# rouge_score 0.1.2 and the functions of eval/automatic/evaluation.py at allenai/natural-instructions.
OFFICIAL = [
    ("story.", ["movie."], 0.0, 0.0),
    ("MOVIE. indeed", ["movie."], 0.0, 0.6666666666666666),
    ("", ["movie."], 0.0, 0.0),
    ("How do earthquakes cause damage to buildings?", ["What can damage buildings?"], 0.0, 0.36363636363636365),
    ("WHAT CAN DAMAGE BUILDINGS? indeed", ["What can damage buildings?"], 0.0, 0.888888888888889),
    ("Destruction can be caused by what?", ["How do earthquakes cause damage to buildings?"], 0.0, 0.15384615384615383),
    ("What can damage", ["What can damage buildings?"], 0.0, 0.8571428571428571),
    ("treasure", ["treasure"], 1.0, 1.0),
    (
        'suche nach " vegetarian " restaurants mit mindestens 3 sternen.',
        ['suche ein " mexican " restaurant mit 6 oder mehr sternen.'],
        0.0,
        0.47058823529411764,
    ),
    (
        'suche nach " italian " restaurants mit mindestens 5 bewertungen.',
        ['suche nach " vegetarian " restaurants mit mindestens 3 sternen.'],
        0.0,
        0.625,
    ),
    ("1000 steps is how many calories?", ["1000 ml equals how many ounces?"], 0.0, 0.5),
    ("cup egg beaters equals how many eggs?", ["1/2 cup egg beaters equals how many eggs?"], 0.0, 0.8750000000000001),
    ("-3", ["3"], 1.0, 1.0),
    ("3.5", ["35"], 1.0, 0.0),
    ("?", ["!"], 1.0, 0.0),
    ("你好", ["你好"], 1.0, 0.0),
    ("für dich", ["für mich"], 0.0, 0.6666666666666666),
    ("مرحبا", ["مرحبا"], 1.0, 0.0),
    ("“yes”", ["yes"], 0.0, 1.0),
]  # fmt: skip


def measure(name: str, answers: list[tuple[str, list[str]]], labels: tuple[str, ...] = ()) -> float:
    answered = [Answered(answer, tuple(wanted), str(place)) for place, (answer, wanted) in enumerate(answers)]
    return METRICS.find(name).measure(answered, labels)


@pytest.mark.parametrize(("answer", "references", "exact", "rouge"), OFFICIAL)
def test_the_official_scores_to_the_last_digit(answer: str, references: list[str], exact: float, rouge: float) -> None:
    assert METRICS.find("official_exact_match").grade(answer, references) == exact
    assert METRICS.find("official_rouge_l").grade(answer, references) == rouge


def test_the_official_totals_round_as_upstream_does() -> None:
    pairs = [(answer, references) for answer, references, _, _ in OFFICIAL]
    exact, rouge = (sum(row[place] for row in OFFICIAL) for place in (2, 3))
    assert round(measure("official_exact_match", pairs), 4) == round(100 * exact / len(OFFICIAL), 4)
    assert round(measure("official_rouge_l", pairs), 4) == round(100 * rouge / len(OFFICIAL), 4)


def test_the_best_reference_counts() -> None:
    for name in ("exact_match", "official_exact_match", "rouge_l", "official_rouge_l", "chrf"):
        assert measure(name, [("forty two", ["42", "Forty-two", "forty two"])]) == pytest.approx(100)


@pytest.mark.parametrize(("answer", "wanted"), [("-3", "3"), ("3.5", "35"), ("?", "!")])
def test_the_fair_ones_tell_apart_what_the_official_ones_do_not(answer: str, wanted: str) -> None:
    assert (measure("official_exact_match", [(answer, [wanted])]), measure("exact_match", [(answer, [wanted])])) == (
        100,
        0,
    )


@pytest.mark.parametrize("text", ["你好", "مرحبا بكم", "สวัสดี"])
def test_the_fair_ones_read_every_script(text: str) -> None:
    assert (measure("official_rouge_l", [(text, [text])]), measure("rouge_l", [(text, [text])])) == (0, 100)


def test_chrf_is_sacrebleus() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    pairs = [("the cat sat", ["the cat sits", "a cat sat"]), ("東京", ["東京都"]), ("", ["a"])]
    best = [max(sacrebleu.sentence_chrf(answer, [one]).score for one in wanted) for answer, wanted in pairs]
    assert measure("chrf", pairs) == pytest.approx(sum(best) / 3)
    assert measure("chrf", [("abc", ["abd"])]) == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3), "by hand"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("funny", "funny"),
        ("Funny.", "funny"),
        ("It is not funny", "not funny"),
        ("The joke is funny, I think", "funny"),
        ("funny or not funny", OTHER),
        ("unfunny", OTHER),
        ("", OTHER),
        ("<think>funny?</think>not funny", "not funny"),
    ],
)
def test_which_label_an_answer_names(answer: str, named: str) -> None:
    assert find_label(answer, ("funny", "not funny")) == named


def test_labels_by_hand() -> None:
    """Wanted a a a b: named a a b b, so a has F1 2*2/(3+2), b 2*1/(1+2); "c" is never wanted."""
    pairs = [("a", ["a"]), ("It's a.", ["a"]), ("b", ["a"]), ("b", ["b"])]
    labels = ("a", "b", "c")
    assert measure("accuracy", pairs, labels) == 75
    assert measure("macro_f1", pairs, labels) == pytest.approx((80 + 200 / 3) / 2)
    table = count_confusion([Answered(answer, tuple(wanted)) for answer, wanted in pairs], labels)
    assert table.counts.tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert table.f1 == [80, pytest.approx(200 / 3), None]
    assert measure("macro_f1", [("a", ["a"]), ("?", ["b"])], labels) == 50, "an answer that names no label"


def test_always_the_same_label_is_no_skill() -> None:
    pairs = [("yes", ["yes"])] * 9 + [("yes", ["no"])]
    assert measure("accuracy", pairs, ("yes", "no")) == 90
    assert measure("macro_f1", pairs, ("yes", "no")) < 50


def test_bits_per_byte_and_length() -> None:
    answered = [Answered("abc", ("é",), "0", nats=2 * math.log(2), bytes=2), Answered("", ("x",), "1", 0.0, 2)]
    assert METRICS.find("bits_per_byte").measure(answered) == 0.5
    assert METRICS.find("length").measure(answered) == 1.5


def test_which_metrics_a_task_has() -> None:
    def names(task: Task) -> list[str]:
        return [metric.name for metric in list_fitting(task)]

    words = tuple(Instruction(id=str(n), input=str(n), output=("yes" if n % 2 else "no",)) for n in range(40))
    labelled = Task(task_id="a", definition="Say yes or no.", instances=words)
    free = labelled.model_copy(update={"instances": tuple(one.change("output", (f"word {one.id}",)) for one in words)})
    text = Task(task_id="b", definition="", kind="text", instances=(Text(id="1", output=("a text",)),), origin=None)
    assert {"accuracy", "macro_f1", "exact_match", "official_rouge_l"} < set(names(labelled))
    assert "accuracy" not in names(free) and names(free)[0] == "exact_match"
    assert names(text) == ["bits_per_byte", "nats_per_token"]


@pytest.mark.parametrize("name", METRICS.members)
def test_each_is_declared_and_concludes_many_sums_at_once(name: str) -> None:
    metric = METRICS.find(name)
    assert metric.title and metric.says.endswith(".") and metric.better in ("higher", "lower", "neither")
    answered = [Answered("a", ("a",), "0", 1.0, 2, 1), Answered("b", ("a",), "1", 2.0, 2, 1)]
    tallies = metric.tally(answered, ("a", "b"))
    sums = np.stack([tallies.sum(axis=0), tallies[0]])
    assert metric.conclude(sums).tolist() == [
        metric.measure(answered, ("a", "b")),
        metric.measure(answered[:1], ("a", "b")),
    ]
    assert metric.measure([], ("a", "b")) == 0
