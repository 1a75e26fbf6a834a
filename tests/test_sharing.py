"""A group of tests is on one worker, so that what is costly is made once."""

import pytest
from sharing import BROWSER, find_group

_RAN_HERE: list[int] = []


@pytest.mark.parametrize(
    ("test_id", "group"),
    [
        ("tests/test_run.py::test_one[a::b]", "tests/test_run.py"),
        ("tests/contracts/test_kinds.py::test_one[single]", "tests/contracts/test_kinds.py"),
        ("tests/contracts/test_methods.py::test_one[llama-lora]", "tests/contracts/test_methods.py[llama-lora]"),
        ("tests/contracts/test_methods.py::test_every_method", "tests/contracts/test_methods.py"),
        ("tests/zoo/test_zoo.py::test_one[mamba]", "tests/zoo/test_zoo.py[mamba]"),
        ("tests/browser/test_looks.py::test_one[dark]", BROWSER),
    ],
)
def test_a_group_is_read_off_the_name(test_id: str, group: str) -> None:
    assert find_group(test_id, 2) == group


def test_of_many_workers_each_takes_a_file_of_the_browser() -> None:
    assert find_group("tests/browser/test_looks.py::test_one", 8) == "tests/browser/test_looks.py"


@pytest.mark.parametrize("number", range(12))
def test_tests_of_one_file_meet_in_one_process(number: int, request: pytest.FixtureRequest) -> None:
    """Where somebody asks for one test alone, none came before it."""
    _RAN_HERE.append(number)
    asked = [one for one in request.session.items if one.nodeid.startswith(request.node.nodeid.partition("[")[0])]
    assert len(asked) < 12 or list(range(number + 1)) == _RAN_HERE


@pytest.mark.soon(3)
@pytest.mark.parametrize("number", range(7))
def test_of_many_cases_a_few_come_soon(number: int, request: pytest.FixtureRequest) -> None:
    assert (request.node.get_closest_marker("long") is None) == (number in (0, 2, 4))
