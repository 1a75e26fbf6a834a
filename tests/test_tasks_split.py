"""The parts of a task: the same each time, nothing lost, nothing in two parts, never empty."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import TaskError
from studio.tasks.split import Split, split_task
from studio.tasks.task import Instance, Task


def make(inputs: list[str]) -> Task:
    instances = tuple(Instance(id=f"t-{n}", input=text, output=("a",)) for n, text in enumerate(inputs))
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
        with pytest.raises(TaskError, match="at least 3"):
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
    assert words in str(caught.value)
    assert "needs at least 3" in str(caught.value)
    assert caught.value.field == "Instances"
