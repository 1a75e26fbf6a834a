"""The quality report judges causes first, and no fix of it deletes most of a task."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from studio.tasks.instance import Message
from studio.tasks.kinds.chat import Chat
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.kinds.preference import Preference
from studio.tasks.quality.finding import Finding
from studio.tasks.quality.fixes import FIXES, apply_fix, offer_fix
from studio.tasks.quality.labels import find_ceiling, read_label
from studio.tasks.quality.lengths import Limit, measure_lengths
from studio.tasks.quality.report import add_lengths, check_task
from studio.tasks.task import Task

LETTERS = "bcdfghklmnprstvwz"


def write_text(rng: random.Random, words: int = 12) -> str:
    return " ".join("".join(rng.choice(LETTERS) + rng.choice("aeiou") for _ in range(3)) for _ in range(words))


def make(answers: Sequence[str], inputs: Sequence[str] = (), **more: Any) -> Task:
    rng = random.Random(1)
    asked = [*inputs, *(write_text(rng) for _ in range(len(answers) - len(inputs)))]
    instances = tuple(
        Instruction(id=f"i{n}", input=a, output=(b,)) for n, (a, b) in enumerate(zip(asked, answers, strict=True))
    )
    return Task(task_id="task1_x", definition="Do.", instances=instances, **more)


def customers() -> Task:
    """Four classes of customer messages, as a firm keeps them: spelt in several ways, some rows twice."""
    rng = random.Random(4)
    spellings = {
        "Rechnung": ["Rechnung"] * 60 + ["rechnung"] * 9 + ["Rechnung "] * 6,
        "Lieferung": ["Lieferung"] * 55 + ["LIEFERUNG"] * 3 + ["Lieferung."] * 14,
        "Technik": ["Technik"] * 58 + ["technik "] * 14,
        "Sonstiges": ["Sonstiges"] * 60 + ["sonstiges"] * 6,
    }
    rows = [(write_text(rng), spelt) for some in spellings.values() for spelt in some]
    rng.shuffle(rows)
    rows += rows[:25]
    return make([b for _, b in rows], [a for a, _ in rows])


def test_balance_is_judged_after_spelling() -> None:
    report = check_task(customers())
    assert report.find("skewed labels") is None and report.find("rare labels") is None
    assert set(report.labels) == {"Rechnung", "Lieferung", "Technik", "Sonstiges"}
    assert report.entropy > 0.99 and sum(report.labels.values()) == report.instances
    variants = report.find("label variants")
    assert variants and variants.fix == "one spelling"
    assert set(apply_fix(customers(), variants).labels) == set(report.labels)


def test_causes_are_told_before_what_follows_from_them() -> None:
    rng = random.Random(5)
    inputs = [write_text(rng) for _ in range(20)] + ["", " padded "] + ["same", "same", "other", "other"]
    answers = ["yes"] * 17 + ["Yes."] * 3 + ["yes"] * 4 + ["yes", "no"]
    task = make([*answers, *["yes"] * 30], inputs)
    names = [finding.name for finding in check_task(task).findings]
    causes = ["label variants", "blanks", "blank inputs", "duplicates", "contradictions"]
    assert set(causes) < set(names)
    assert max(map(names.index, causes)) < names.index("skewed labels") < names.index("few examples")


@pytest.mark.parametrize(
    ("text", "label"),
    [("Yes", "yes"), (" yes. ", "yes"), ("YES!", "yes"), ("“yes”", "yes"), ("not  spam", "not spam"),
     ("はい。", "はい"),
     ("C#", "c#"), ("C++", "c++"), ("-1", "-1"), ("+", "+"), (":)", ":)"), ("?", "?"), ("...", "..."),
     ("(B)", "b"),
     ("B)", "b"), ("ﬁne", "fine"), ("1.0", "1.0"), ("Straße", "strasse")],
)  # fmt: skip
def test_what_a_label_means(text: str, label: str) -> None:
    assert read_label(text) == label


def test_labels_that_are_nothing_but_signs_are_not_one() -> None:
    report = check_task(make([".", "?", "!"] * 20))
    assert report.labels == {".": 20, "?": 20, "!": 20} and report.find("label variants") is None


@pytest.mark.parametrize(
    ("counts", "ceiling"),
    [((100, 100, 100), None), ((300, 100, 100), None), ((301, 100, 100), 300), ((900, 50, 40, 1, 1, 1), 150),
     ((900, 100), None), ((40, 5, 5), None), ((9, 1), None), ((400, 12, 10, 10), 33)],
)  # fmt: skip
def test_a_label_may_stand_three_times_as_often_as_a_usual_one(counts: tuple[int, ...], ceiling: int | None) -> None:
    assert find_ceiling({str(n): count for n, count in enumerate(counts)}) == ceiling


def test_downsampling_is_offered_where_little_is_lost_by_it() -> None:
    task = make(["a"] * 130 + ["b"] * 30 + ["c"] * 30 + ["d"] * 10)
    finding = check_task(task).find("skewed labels")
    assert finding and finding.fix == "balance"
    done = apply_fix(task, finding)
    assert check_task(done).labels["a"] == 90 and len(done.instances) * 2 > len(task.instances)
    lopsided = check_task(make(["a"] * 900 + ["b"] * 40 + ["c"] * 30)).find("skewed labels")
    assert lopsided and lopsided.fix == "" and lopsided.fix_words == ""


def test_no_fix_deletes_most_rows() -> None:
    """A table of everything that goes wrong: each row comes three times, is near another, holds an address."""
    rng = random.Random(6)
    texts = [f"{write_text(rng, 40)} https://a.example/{n}" for n in range(30)]
    near = [text.replace(text.split()[3], "other", 1) for text in texts]
    inputs = [*texts, *texts, *texts, *near, *[""] * 130]
    answers = ["yes" if n % 40 else "{{name}}" for n in range(len(inputs))]
    task = make(answers, inputs)
    lengths = measure_lengths([(9, 9)] * len(inputs), 8)
    report = add_lengths(check_task(task), task, lengths, Limit(8, 8))
    assert {"blank inputs", "near duplicates", "too long", "duplicates"} <= {one.name for one in report.findings}
    for finding in report.findings:
        if finding.fix:
            assert len(apply_fix(task, finding).instances) * 2 >= len(task.instances), finding.name
    assert report.find("too long").fix == ""  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if fix.deletes])
def test_the_rule_is_one_for_every_fix(name: str) -> None:
    task = make(["a"] * 9000 + ["b"] * 20 + ["c"] * 20, ["same"] * 8000)
    numbers = tuple(range(8000)) if name == "leave out" else ()
    offered = offer_fix(task, Finding(name="x", severity="warning", title="X", words="w", numbers=numbers, fix=name))
    if name == "sample":  # 6,500 of 9,040 are most of them
        assert offered.fix == name
    else:
        assert offered.fix == "" and str(len(task.instances))[0] in offered.words


def test_the_same_row_twice_is_found_beside_a_contradiction() -> None:
    task = make(["red", "pink", "pink", "red", "pink"] + [f"w{n} and more" for n in range(30)], ["rose"] * 5)
    report = check_task(task)
    double, differ = report.find("duplicates"), report.find("contradictions")
    assert double and double.numbers == (2, 3, 4)
    assert differ and differ.numbers == (1,)
    done = apply_fix(task, double)
    assert check_task(done).find("duplicates") is None and check_task(done).find("contradictions")


def test_two_spellings_of_an_answer_contradict_nothing() -> None:
    task = make(["yes", "Yes"] + ["yes", "no"] * 20, ["same", "same"])
    report = check_task(task)
    assert report.find("contradictions") is None and report.find("duplicates") is None
    spelt = apply_fix(task, report.find("label variants"))  # type: ignore[arg-type]
    assert check_task(spelt).find("duplicates").numbers == (1,)  # type: ignore[union-attr]


def chat(id: str, *texts: str, system: str = "") -> Chat:
    roles = ("user", "assistant")
    turns = [Message(role=roles[n % 2], content=text) for n, text in enumerate(texts)]  # type: ignore[arg-type]
    return Chat(id=id, messages=tuple([Message(role="system", content=system)] * bool(system) + turns))


def test_every_turn_of_a_chat_is_looked_at() -> None:
    chats = [chat(f"c{n}", f"Ask {n} a@b.example", f"Reply {n} ", "Go on", f"Last {n}") for n in range(30)]
    task = Task(task_id="c", definition="", instances=tuple(chats), kind="chat")
    report = check_task(task)
    assert len(report.find("personal data").numbers) == 30  # type: ignore[union-attr]
    assert len(report.find("blanks").numbers) == 30  # type: ignore[union-attr]
    masked = apply_fix(task, report.find("personal data"))  # type: ignore[arg-type]
    assert masked.instances[3].messages[0].content == "Ask 3 [EMAIL]"
    assert report.find("duplicates") is None and report.find("contradictions") is None


def test_a_long_system_text_makes_chats_neither_equal_nor_alike() -> None:
    rng = random.Random(7)
    system = write_text(rng, 200)
    chats = [chat(f"c{n}", write_text(rng, 3), "a", "Go on", f"b{n}", system=system) for n in range(40)]
    task = Task(task_id="c", definition="", instances=tuple(chats), kind="chat", split="stratified")
    report = check_task(task)
    assert report.find("near duplicates") is None and report.find("duplicates") is None
    again = task.model_copy(update={"instances": (*chats, chats[0].model_copy(update={"id": "twice"}))})
    assert check_task(again).find("duplicates").numbers == (40,)  # type: ignore[union-attr]


def test_labels_of_a_chat_are_all_its_answers() -> None:
    chats = [chat(f"c{n}", f"one {n}", "Yes", f"two {n}", "no" if n % 3 else "yes ") for n in range(30)]
    task = Task(task_id="c", definition="", instances=tuple(chats), kind="chat")
    report = check_task(task)
    assert report.labels == {"Yes": 40, "no": 20}
    spelt = apply_fix(task, report.find("label variants"))  # type: ignore[arg-type]
    assert {turn.content for one in spelt.instances for turn in one.messages if turn.role == "assistant"} == {
        "Yes",
        "no",
    }


def test_preferences_with_one_prompt_and_other_answers_are_no_duplicates() -> None:
    pairs = tuple(Preference(id=f"p{n}", input="Same?", output=("Yes.",), rejected=f"No {n}") for n in range(3))
    task = Task(
        task_id="p", definition="", instances=(*pairs, pairs[0].model_copy(update={"id": "again"})), kind="preference"
    )
    assert check_task(task).find("duplicates").numbers == (3,)  # type: ignore[union-attr]
