"""Recipe: what a training or a merge was asked to do, as JSON that `python -m studio` and the API take."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from studio.checkpoints.merges import read_card
from studio.exporting.form import Form, Source


class RecipeForm(Form):
    """The recipe of the run that made the model."""

    name: ClassVar[str] = "recipe"
    title: ClassVar[str] = "Recipe"
    position: ClassVar[int] = 5
    summary: ClassVar[str] = "Everything that was chosen, as JSON: equal recipes give equal runs."
    purpose: ClassVar[str] = "for python -m studio train recipe.json"
    needs_base: ClassVar[bool] = False

    def check(self, source: Source) -> None:
        """Raise ModelError in words for a base."""
        source.made  # noqa: B018 - it raises

    def describe(self, source: Source) -> str:
        """Return of a merge that it is an order."""
        if read_card(source.made.folder) is None:
            return self.summary
        return "How it was merged, as JSON: parents, weights, way and seed, for python -m studio merge merge.json."

    def write(self, source: Source, folder: Path) -> Iterator[None]:
        """Write recipe.json."""
        merge = read_card(source.made.folder)
        told = merge.order if merge else source.made.recipe.to_public().to_json()
        name = "merge.json" if merge else "recipe.json"
        (folder / name).write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")
        yield
