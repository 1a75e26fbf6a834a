"""Several people label: shares, progress, agreement by the textbook, conflicts, and nothing lost in a crash."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telling import raises, tells

from studio.errors import InputError
from studio.tasks.edit import apply_edits
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.labels.agreement import cohen_kappa, describe_agreement, krippendorff_alpha
from studio.tasks.labels.labelling import (
    Label,
    add_label,
    assign,
    make_edits,
    measure_agreement,
    measure_progress,
    read_labels,
)
from studio.tasks.task import Task

TASK = Task(
    task_id="task1_x",
    definition="Do.",
    instances=tuple(Instruction(id=f"i{n}", input=f"in {n}", output=("yes", "sure")) for n in range(50)),
)
IDS = [instance.id for instance in TASK.instances]


def label(by: str, id: str, output: str | None, seconds: float | None = None) -> Label:
    return Label(by=by, id=id, output=output, at=1.0, seconds=seconds)


def test_cohen_by_hand() -> None:
    """50 items: both yes 20, both no 15, yes-no 5, no-yes 10; observed 0.7, chance 0.5, kappa 0.4 (Wikipedia)."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    a = {str(n): pair[0] for n, pair in enumerate(pairs)}
    b = {str(n): pair[1] for n, pair in enumerate(pairs)}
    assert cohen_kappa(a, b) == pytest.approx(0.4)
    assert cohen_kappa(a, {}) is None
    assert cohen_kappa({"1": "y"}, {"1": "y"}) == 1.0


def test_krippendorff_by_the_book() -> None:
    """Krippendorff 2011, section C: four observers, twelve units, missing data; nominal alpha is 0.743."""
    rows = {
        "A": "1 2 3 3 2 1 4 1 2 . . .",
        "B": "1 2 3 3 2 2 4 1 2 5 . 3",
        "C": ". 3 3 3 2 3 4 2 2 5 1 .",
        "D": "1 2 3 3 2 4 4 1 2 5 1 .",
    }
    labels = {who: {str(n): v for n, v in enumerate(row.split()) if v != "."} for who, row in rows.items()}
    assert krippendorff_alpha(labels) == pytest.approx(0.743, abs=0.0005)
    assert krippendorff_alpha({"A": {"1": "x"}}) is None
    assert krippendorff_alpha({"A": {"1": "x"}, "B": {"1": "x"}}) == 1.0


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "nothing was labelled twice yet"), (0.9, "almost perfect"), (0.5, "moderate"),
     (-0.1, "no better than chance")],
)  # fmt: skip
def test_agreement_in_words(value: float | None, words: str) -> None:
    assert describe_agreement(value) == words


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.floats(0, 1))
def test_shares(people: int, overlap: float) -> None:
    names = [f"p{n}" for n in range(people)]
    shares = assign(IDS, names, overlap)
    counts = {instance.id: sum(instance.id in ids for ids in shares.values()) for instance in TASK.instances}
    assert set(counts.values()) <= {1, 2}
    assert sum(count == 2 for count in counts.values()) == (round(overlap * 50) if people > 1 else 0)
    sizes = [len(ids) for ids in shares.values()]
    assert max(sizes) - min(sizes) <= 2
    assert all(len(set(ids)) == len(ids) for ids in shares.values())
    assert shares == assign(IDS, names, overlap)


def test_shares_that_cannot_be() -> None:
    with pytest.raises(InputError, match="Nobody was named"):
        assign(IDS, [])
    with raises(InputError, "overlap 0 1 2"):
        assign(IDS, ["a"], 2)


def test_progress() -> None:
    labels = {f"i{n}": label("a", f"i{n}", "yes", 4.0) for n in range(37)}
    ids = [f"i{n}" for n in range(120)]
    assert measure_progress(ids, labels).words == "37 of 120, about 6 minutes left"
    assert measure_progress(ids[:37], labels).words == "all 37 done"
    assert tells(measure_progress(ids[:38], labels).words, "37 38 minute")
    assert measure_progress(ids, {}).words == "0 of 120"


def test_labels_are_kept_by_person_and_survive_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    for by in ("Ada", "ada", "Ada L.", "李"):
        add_label(folder, label(by, "i0", f"said by {by}"))
    assert len(list(folder.glob("*.jsonl"))) == 4
    add_label(folder, label("Ada", "i0", "better"))
    add_label(folder, label("Ada", "i1", None))
    path = next(path for path in folder.glob("*.jsonl") if b'"better"' in path.read_bytes())
    path.write_bytes(path.read_bytes() + b'{"by":"Ada","id":"i2","out')
    add_label(folder, label("Ada", "i3", "after the crash"))
    found = read_labels(folder)
    assert {who: given["i0"].output for who, given in found.items()} == {
        "Ada": "better", "ada": "said by ada", "Ada L.": "said by Ada L.", "李": "said by 李"}  # fmt: skip
    assert sorted(found["Ada"]) == ["i0", "i1", "i3"]
    with raises(InputError, "label"):
        add_label(folder, label("Ada", "i4", " "))


def test_many_at_once(tmp_path: Path) -> None:
    def work(by: str) -> None:
        for number in range(20):
            add_label(tmp_path, label(by, f"i{number}", "yes"))

    threads = [threading.Thread(target=work, args=(by,)) for by in ("a", "a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {who: len(given) for who, given in read_labels(tmp_path).items()} == {"a": 20, "b": 20}


def test_agreement_conflicts_and_what_follows() -> None:
    labels = {
        "a": {"i0": label("a", "i0", "no"), "i1": label("a", "i1", "no"), "i2": label("a", "i2", "sure"),
              "i3": label("a", "i3", None)},
        "b": {"i0": label("b", "i0", "no "), "i1": label("b", "i1", "yes")},
    }  # fmt: skip
    found = measure_agreement(labels)
    assert (found.people, found.twice) == (("a", "b"), 2)
    assert [(conflict.id, conflict.labels) for conflict in found.conflicts] == [("i1", {"a": "no", "b": "yes"})]
    assert found.kappas[("a", "b")] == pytest.approx(0.0)
    task = apply_edits(TASK, make_edits(TASK, labels))
    assert [instance.output for instance in task.instances[:4]] == [
        ("no",), ("yes", "sure"), ("sure", "yes"), ("yes", "sure")]  # fmt: skip
    settled = apply_edits(TASK, make_edits(TASK, labels, {"i1": "no"}))
    assert settled.instances[1].output == ("no",)
