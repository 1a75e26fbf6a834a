"""The notebooks run from the first cell to the last, on the built-in base, in a workspace of their own."""

from pathlib import Path

import pytest

SHORT = "journey"
"""The notebook that runs with every change; the others take longer, and what they do is tried on a tiny model too."""
NOTEBOOKS = [
    pytest.param(path, marks=[] if path.stem == SHORT else [pytest.mark.long], id=path.stem)
    for path in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS)
def test_notebook_runs_to_its_end(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs; the last one prints a score in which the tuned side is the better one."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    said = "".join(output.get("text", "") for output in book.cells[-1].outputs)
    base, tuned = (float(part.split()[1]) for part in said.split(": ", 1)[1].rstrip("% \n").split(", "))
    assert tuned > base + 50
