"""The notebooks run from the first cell to the last, on the built-in base, in a workspace of their own."""

import ast
from pathlib import Path

import pytest

from studio.service import Studio

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
COMPARING = ("journey", "rlhf")
"""Those that end with a score of base and tuned."""
LONG = ("continued_pretraining", "few_labels", "merging_by_hand", "preferences", "rlhf")
"""Those that train more than `make test` has time for."""
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each
def test_notebook_asks_the_studio_for_what_it_has(path: Path) -> None:
    """What the cells do is tried elsewhere, on a tiny model; so that they still ask rightly is soon known."""
    import nbformat

    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells, "it has nothing to run"
    asked = [node for cell in cells for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Attribute)]
    names = {node.attr for node in asked if isinstance(node.value, ast.Name) and node.value.id == "studio"}
    open_studio = {*dir(Studio), *Studio.__init__.__code__.co_names}
    assert names <= open_studio, names - open_studio
    assert len(names) > 2 or not any("studio = Studio(" in cell for cell in cells)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.long] * (path.stem in LONG), id=path.stem) for path in NOTEBOOKS],
)
def test_notebook_runs_to_its_end(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs and finds what it says; where base and tuned are compared at the end, tuned is the better one."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    if path.stem not in COMPARING:
        return
    said = "".join(output.get("text", "") for output in book.cells[-1].outputs)
    base, tuned = (float(part.split()[1]) for part in said.split(": ", 1)[1].rstrip("% \n").split(", "))
    assert tuned > base + 50
