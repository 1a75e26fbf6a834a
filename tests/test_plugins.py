"""A family finds the plug-ins of its folder: adding one is adding one file, and nothing else."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from telling import raises, tells

from studio.declaration import form_fields
from studio.errors import RecipeError
from studio.methods.method import Method
from studio.plugins import Family

NEW_FILE = '''
"""Bias tuning: only the biases train (Ben Zaken et al. 2021, arXiv:2106.10199)."""

from typing import ClassVar

from pydantic import Field

from studio.methods.method import Method


class {cls}(Method):
    """Only the biases."""

    name: ClassVar[str] = "{name}"
    title: ClassVar[str] = "BitFit"
    position: ClassVar[int] = {position}

    share: float = Field(0.5, ge=0, le=1, title="Share", description="Which share of the biases.")

    def attach(self, model):
        return model
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of its own in which plug-ins may be put."""
    package = tmp_path / "garden"
    package.mkdir()
    (package / "__init__.py").write_text('"""A folder of methods."""\n')
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "garden"]:
        del sys.modules[name]


def write_method(folder: Path, name: str, position: int = 9) -> None:
    """Add a method to a folder."""
    (folder / f"{name}.py").write_text(NEW_FILE.format(cls=name.capitalize(), name=name, position=position))
    importlib.invalidate_caches()


def test_a_file_is_a_method_with_its_form_and_its_errors(folder: Path) -> None:
    write_method(folder, "biases")
    family: Family[Method] = Family(Method, "garden", "method")
    assert list(family.members) == ["biases"]
    assert [field.label for field in form_fields(family.find("biases"))] == ["Share"]
    assert family.read({"name": "biases", "share": 1}).model_dump() == {"name": "biases", "share": 1}
    with raises(RecipeError, "share 0 1 7 0.5") as caught:
        family.read({"name": "biases", "share": 7})
    assert caught.value.field == "method.share"
    with raises(RecipeError, "biasee biases"):
        family.read("biasee")


def test_a_file_in_the_studios_own_folder_is_found_too(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.import_module("studio.methods")
    write_method(folder, "biases", position=50)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    try:
        family: Family[Method] = Family(Method, "studio.methods", "method")
        assert list(family.members)[-1] == "biases"
        assert set(family.members) > {"lora", "full"}
    finally:
        sys.modules.pop("studio.methods.biases", None)


def test_a_family_holds_its_own_folder_and_no_other(folder: Path) -> None:
    write_method(folder, "biases")
    assert "lora" not in Family(Method, "garden", "method").members
    importlib.import_module("garden.biases")
    assert "biases" not in Family(Method, "studio.methods", "method").members


def test_members_stand_in_the_order_of_their_position(folder: Path) -> None:
    for name, position in (("rose", 2), ("oak", 3), ("fern", 1), ("ash", 3)):
        write_method(folder, name, position)
    assert list(Family(Method, "garden", "method").members) == ["fern", "rose", "ash", "oak"]


def test_two_files_may_not_share_a_name(folder: Path) -> None:
    write_method(folder, "rose")
    (folder / "thorn.py").write_text(NEW_FILE.format(cls="Thorn", name="rose", position=1))
    importlib.invalidate_caches()
    with raises(TypeError, "rose"):
        _ = Family(Method, "garden", "method").members


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "method null"),
        (["rose"], "method"),
        ({}, "method name rose"),
        ({"name": ["rose"]}, "There is no method ['rose']. Choose one of: rose."),
        ({"name": "rose", 7: 8}, "7 share"),
        ("r" * 10_000_000, "r" * 56),
    ],
)
def test_what_is_no_method_is_refused_in_words(folder: Path, given: object, words: str) -> None:
    write_method(folder, "rose")
    with pytest.raises(RecipeError) as caught:
        Family(Method, "garden", "method").read(given)
    assert tells(caught.value, words)
