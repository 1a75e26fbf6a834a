"""The parts of a task: the same each time, nothing lost, nothing in two parts, never empty."""

from operator import add

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telling import raises, tells

from studio.errors import TaskError
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.mixture import mix_tasks
from studio.tasks.reading.task_file import read_task
from studio.tasks.split import Split, split_task
from studio.tasks.task import Instance, Task, write_v2

ROWS = st.tuples(st.text("abc ", max_size=3), st.sampled_from("xyz"))


def make(inputs: list[str]) -> Task:
    instances = tuple(Instruction(id=f"t-{n}", input=text, output=("a",)) for n, text in enumerate(inputs))
    return Task(task_id="task1_x", definition="Do.", instances=instances)


def inputs_of(part: tuple[Instance, ...]) -> set[str]:
    return {instance.input.strip() for instance in part}


def check(task: Task, split: Split) -> None:
    everything = [instance.id for part in split for instance in part]
    assert sorted(everything) == sorted(instance.id for instance in task.instances)
    assert all(split)
    assert not inputs_of(split.train) & inputs_of(split.test)
    assert not inputs_of(split.train) & inputs_of(split.validation)
    assert not inputs_of(split.validation) & inputs_of(split.test)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(3, (1, 1, 1)), (4, (2, 1, 1)), (10, (8, 1, 1)), (26, (20, 3, 3)), (400, (320, 40, 40)), (6500, (6300, 100, 100))],
)
def test_sizes(count: int, sizes: tuple[int, int, int]) -> None:
    split = split_task(make([f"input {n}" for n in range(count)]))
    assert tuple(map(len, split)) == sizes


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abc ", max_size=3), min_size=3, max_size=150), st.integers(0, 5))
def test_always_whole_and_apart(inputs: list[str], seed: int) -> None:
    task = make(inputs)
    if len({text.strip() for text in inputs}) < 3:
        with raises(TaskError, "3"):
            split_task(task, seed)
        return
    split = split_task(task, seed)
    check(task, split)
    assert split == split_task(task, seed)


def test_order_of_the_file_does_not_matter() -> None:
    task = make([f"input {n % 60}" for n in range(100)])
    turned = task.model_copy(update={"instances": task.instances[::-1]})
    assert split_task(task) == split_task(turned)


def test_a_seed_gives_another_split() -> None:
    task = make([f"input {n}" for n in range(100)])
    assert inputs_of(split_task(task, 0).test) != inputs_of(split_task(task, 1).test)


def test_most_instances_share_one_input() -> None:
    task = make(["same"] * 300 + ["other", "third"])
    split = split_task(task)
    check(task, split)
    assert len(split.validation) == len(split.test) == 1


@pytest.mark.parametrize(
    ("inputs", "words"),
    [(["a"], "has 1 instance;"), (["a", "b"], "has 2 instances;"), (["a", "a", "b"], "3 instances with 2 different "
                                                                                     "inputs;"),
     (["a"] * 50, "50 instances with 1 different input;")],
)  # fmt: skip
def test_too_few(inputs: list[str], words: str) -> None:
    with pytest.raises(TaskError) as caught:
        split_task(make(inputs))
    assert tells(caught.value, words)
    assert "needs at least 3" in str(caught.value)
    assert caught.value.field == "Instances"


def labelled(count: int, share: float, rule: str = "stratified") -> Task:
    instances = tuple(
        Instruction(
            id=f"t-{n}", input=f"a text about thing {n} and {n * n}", output=("no" if n < count * share else "yes",)
        )
        for n in range(count)
    )
    return Task(task_id="task1_x", definition="Do.", instances=instances, split=rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "share"), [(100, 0.1), (400, 0.05), (37, 0.3), (6500, 0.02)])
def test_stratified_gives_each_label_its_share(count: int, share: float) -> None:
    task = labelled(count, share)
    split = split_task(task)
    check(task, split)
    for part in (split.validation, split.test):
        rare = sum(instance.output == ("no",) for instance in part)
        assert abs(rare - share * len(part)) <= 1 and rare >= (1 if count * share >= 5 else 0)
    assert split == split_task(task.model_copy(update={"instances": task.instances[::-1]}))
    assert {i.id for i in split.test} != {i.id for i in split_task(task, 1).test}


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        add,
        st.lists(ROWS, min_size=9, max_size=40, unique_by=lambda row: row[0].strip()),
        st.lists(ROWS, max_size=40),
    )
)
def test_stratified_is_always_whole_and_apart(rows: list[tuple[str, str]]) -> None:
    instances = tuple(Instruction(id=f"t-{n}", input=text, output=(label,)) for n, (text, label) in enumerate(rows))
    task = Task(task_id="task1_x", definition="Do.", instances=instances, split="stratified")
    check(task, split_task(task))


def test_official_is_the_first_hundred() -> None:
    task = labelled(300, 0.5, "official")
    split = split_task(task)
    check(task, split)
    assert split.test == task.instances[:100]
    assert len(split.validation) == 20 and len(split.train) == 180
    small = split_task(labelled(40, 0.5, "official"))
    assert len(small.test) == 20


def test_official_takes_equal_inputs_along() -> None:
    task = make([f"input {n % 150}" for n in range(300)]).model_copy(update={"split": "official"})
    split = split_task(task)
    check(task, split)
    assert len(split.test) == 200
    with raises(TaskError, "2"):
        split_task(make(["a", "b", "c", "a"]).model_copy(update={"split": "official"}))


def test_the_rule_is_kept_with_the_task() -> None:
    task = labelled(30, 0.5)
    assert read_task(write_v2(task).encode(), "task1_x.json").task == task
    assert task.version != labelled(30, 0.5, "hash").version


def test_a_mixture_keeps_to_its_weights() -> None:
    one = make([f"a {n}" for n in range(50)])
    two = make([f"b {n}" for n in range(10)]).model_copy(update={"task_id": "task2_y"})
    mixed = list(mix_tasks([one, two], [3, 1], 400))
    assert sum(item.task is one for item in mixed) == 300
    for end in range(1, 400, 7):
        assert abs(sum(item.task is one for item in mixed[:end]) - 0.75 * end) <= 1
    assert mixed == list(mix_tasks([one, two], [3, 1], 400))
    trained = {i.id for i in split_task(one).train}
    assert {item.instance.id for item in mixed if item.task is one} == trained


@pytest.mark.parametrize(
    ("weights", "words"),
    [([1.0], "2 1"), ([1.0, 0.0], "0 0.0"), 
     ([1.0, 2.0], "twice")],
)  # fmt: skip
def test_a_mixture_that_cannot_be(weights: list[float], words: str) -> None:
    task = make(["a", "b", "c"])
    with raises(TaskError, words):
        list(mix_tasks([task, task], weights, 3))
