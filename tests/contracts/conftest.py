"""The models that the contracts are kept on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from architectures import make_model

BY_CASE = ("test_methods", "test_runs")
"""Files whose tests share what is made once for each case, and nothing else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a case on one worker, rather than those of a file."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.stem in BY_CASE and hasattr(item, "callspec"):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{item.callspec.id}"))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that makes the model of an architecture once and returns its folder."""
    root = tmp_path_factory.mktemp("architectures")

    def find(name: str) -> Path:
        return root / name if (root / name).exists() else make_model(name, root / name)

    return find
