"""Notebook: the training script in cells, to be read and run step by step."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from studio.exporting.form import Source
from studio.exporting.script import Script, fill_in, write_data


class Notebook(Script):
    """The script's parts as the cells of a notebook."""

    name: ClassVar[str] = "notebook"
    title: ClassVar[str] = "Notebook"
    position: ClassVar[int] = 7
    summary: ClassVar[str] = "The training script as a notebook, a cell for each of its parts; the data beside it."
    purpose: ClassVar[str] = "for Jupyter and Colab"

    def write(self, source: Source, folder: Path) -> Iterator[None]:
        """Write data and base, then the notebook."""
        write_data(source, folder)
        yield
        (folder / "train.ipynb").write_text(json.dumps(cut_in_cells(fill_in(source)), indent=1), encoding="utf-8")
        yield


def cut_in_cells(text: str) -> dict[str, Any]:
    """Return a program as a notebook: a cell for each part that begins with `# %%`, its title above it."""
    first, *rest = text.split("# %%")
    about, _, code = first.removeprefix('"""').partition('"""')
    cells = [_write_cell("markdown", about), _write_cell("code", code)]
    for part in rest:
        title, _, code = part.partition("\n")
        cells += [_write_cell("markdown", title)] if title.strip() else []
        cells.append(_write_cell("code", code))
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    return {
        "cells": cells,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _write_cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.strip()}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell
