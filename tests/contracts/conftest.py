"""The models that the contracts are kept on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from architectures import make_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that makes the model of an architecture once and returns its folder."""
    root = tmp_path_factory.mktemp("architectures")

    def find(name: str) -> Path:
        return root / name if (root / name).exists() else make_model(name, root / name)

    return find
