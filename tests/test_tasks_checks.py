"""The quality report: what it finds, what it lets pass, and that it is quick."""

import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telling import raises, tells

from studio.errors import InputError, NotFoundError
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.quality.duplicates import check_duplicates
from studio.tasks.quality.finding import Finding
from studio.tasks.quality.fixes import FIXES, apply_fix
from studio.tasks.quality.language import guess_language
from studio.tasks.quality.repairs import TASK_REPAIRS, TEXT_REPAIRS, apply_repair, offer_repairs, preview_repair
from studio.tasks.quality.report import check_task
from studio.tasks.similarity import find_groups
from studio.tasks.split import split_task
from studio.tasks.task import Task

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprstvz" for b in "aeiou" for c in ("n", "r", "st", "lo", "mi")]


def write_text(rng: random.Random, words: int = 25) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def make(*pairs: tuple[str, str], **more: Any) -> Task:
    instances = tuple(Instruction(id=f"i{n}", input=a, output=(b,)) for n, (a, b) in enumerate(pairs))
    return Task(task_id="task1_x", definition="Do.", instances=instances, **more)


def test_near_duplicates_are_found_and_others_are_not() -> None:
    rng = random.Random(1)
    texts = [write_text(rng) for _ in range(500)]
    near = [text.replace(text.split()[12], "other", 1) for text in texts[:100]]
    groups = find_groups([*texts, *near])
    found = {tuple(group) for group in groups}
    assert sum((n, 500 + n) in found for n in range(100)) >= 85
    assert all(len(group) == 2 and group[1] == group[0] + 500 for group in groups)


def test_case_and_signs_make_no_difference() -> None:
    assert find_groups(["A cat, sat!", "a cat sat", "A dog", "", ""]) == [[0, 1]]
    assert find_groups(["input 1", "input 2", "input 3"]) == []
    assert find_groups(["", "x"]) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab c"), max_size=12), max_size=30))
def test_equal_texts_are_always_together(texts: list[str]) -> None:
    place = {number: group[0] for group in find_groups(texts) for number in group}
    for a, first in enumerate(texts):
        for b in range(a):
            if first == texts[b] and first.strip():
                assert place[a] == place[b]


def test_many_texts_of_one_pattern_are_quick() -> None:
    texts = [f"Context word: {n}. Question: what is the colour of thing number {n}? Answer in one word." for n in
             range(20_000)]  # fmt: skip
    began = time.process_time()
    find_groups(texts)
    assert time.process_time() - began < 20


def test_a_clean_task_has_no_problem() -> None:
    rng = random.Random(2)
    task = make(*((write_text(rng), rng.choice(("yes", "no"))) for _ in range(100)))
    report = check_task(task)
    assert {finding.name for finding in report.findings} == {"few examples"}
    assert report.version == task.version and report.instances == 100
    assert set(report.labels) == {"yes", "no"} and report.entropy > 0.9


def leaky() -> Task:
    rng = random.Random(3)
    pairs = []
    for _ in range(60):
        text = write_text(rng)
        pairs += [(text, "yes"), (text.replace(text.split()[20], "other", 1), "no")]
    return make(*pairs)


def test_near_duplicates_across_the_split_and_the_fix() -> None:
    task = leaky()
    findings = {finding.name: finding for finding in check_duplicates(task)}
    leak = findings["leak across the split"]
    assert tells(leak.words, "training")
    apart = apply_fix(task, leak)
    assert apart.split == "stratified" and apart.version != task.version
    assert "leak across the split" not in {finding.name for finding in check_duplicates(apart)}
    split = split_task(apart)
    assert sorted(i.id for part in split for i in part) == sorted(i.id for i in task.instances)
    fewer = apply_fix(task, findings["near duplicates"])
    assert len(fewer.instances) < 70


def test_stale_findings_and_findings_without_a_fix() -> None:
    finding = Finding(name="x", severity="remark", title="X", words="w", numbers=(7,), fix="leave out")
    with raises(InputError, "version"):
        apply_fix(make(("a", "b")), finding)
    with raises(InputError, "X"):
        apply_fix(make(("a", "b")), finding.model_copy(update={"fix": ""}))
    with raises(InputError):
        apply_fix(make(("a", "b")), finding.model_copy(update={"numbers": (0,)}))


def test_every_fix_that_a_check_names_exists() -> None:
    rows = [
        ("<b>x</b> &amp; I\u00e2\u20ac\u2122d \u200b \\n", "Yes "),
        ("a@b.example", "yes"),
        ("{{x}}", "no"),
        ("", "Yes"),
    ]
    task = make(*(rows * 10), output_languages=("en",))
    report = check_task(task)
    names = {finding.fix for finding in report.findings if finding.fix}
    assert names <= set(FIXES) and len(names) >= 8
    for finding in report.findings:
        if finding.fix and len(finding.numbers) < len(task.instances):
            assert apply_fix(task, finding).version != task.version, finding.name


@pytest.mark.parametrize("name", [*TEXT_REPAIRS, *TASK_REPAIRS])
def test_a_repair_is_shown_first_and_changes_nothing_when_done_twice(name: str) -> None:
    rows = [(" I\u00e2\u20ac\u2122d &lt; \u200b\\n ", "a"), ("same", "b"), ("same", "c")]
    task = make(*rows, output_languages=("de",)).model_copy(update={"task_id": "task1_x"})
    first = task.instances[0].model_copy(update={"output": ("a", "a"), "id": "task9-0"})
    task = task.model_copy(update={"instances": (first, *task.instances[1:])})
    offer = preview_repair(task, name)
    assert offer.count >= 1 and offer.changes[0].before != offer.changes[0].after
    assert offer in offer_repairs(task)
    done = apply_repair(task, name)
    assert done.version != task.version
    assert preview_repair(done, name).count == 0 and apply_repair(done, name) == done


def test_an_unknown_repair() -> None:
    with raises(NotFoundError, "polish"):
        apply_repair(make(("a", "b")), "polish")


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [("The cat is on the mat and it was not for you but from the house that they have.", "Latin", "English"),
     ("Der Hund ist nicht in dem Haus, und die Katze ist auch nicht im Garten, den wir von ihm haben.", "Latin",
      "German"),
     ("Hän oli se joka ei ole tämä, mutta kun on niin se on myös hän ja ei ole kuin tai että.", "Latin", "Finnish"),
     ("Это не то, что он был на этом, и как она так по из для его от не на что.", "Cyrillic", "Russian"),
     ("これは日本語の文です。とても短いです。", "Japanese", "Japanese"), ("这是一个中文句子。", "Chinese", "Chinese"),
     ("هذا هو من في على إلى أن التي عن مع كان لا", "Arabic", "Arabic"), ("17 + 4 = 21", "", ""), ("red", "Latin", "")],
)  # fmt: skip
def test_language(text: str, script: str, language: str) -> None:
    assert guess_language([text]) == (script, language)


@pytest.mark.parametrize(
    ("count", "labels", "words"),
    [(40, 2, "2 40 l0 20 50 60"),
     (200, 2, "200"), (600, 600, "600 500"),
     (30, 30, "30 500 470")],
)  # fmt: skip
def test_how_many_are_enough(count: int, labels: int, words: str) -> None:
    task = make(*((f"in {n}", f"l{n % labels}") for n in range(count)))
    assert tells(check_task(task).enough, words)


def test_a_wrong_language_is_declared_anew() -> None:
    rows = [
        (f"Der Hund {n} ist nicht im Haus, und die Katze ist auch nicht mit dem Ball da.", f"ja {n}") for n in range(30)
    ]
    task = make(*rows, input_languages=("English",))
    finding = check_task(task).find("language of the input")
    assert finding and tells(finding.words, "German English")
    fixed = apply_fix(task, finding)
    assert fixed.input_languages == ("German",) and check_task(fixed).find("language of the input") is None


def test_a_few_outputs_in_another_script() -> None:
    task = make(*((f"in {n}", f"word {n}") for n in range(50)), ("in", "слово"))
    finding = check_task(task).find("mixed scripts")
    assert finding and finding.numbers == (50,)
