"""Recipe: what a training was asked to do, as JSON that `python -m studio train` and the API take."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from studio.exporting.form import Form, Source


class RecipeForm(Form):
    """The recipe of the run that made the model."""

    name: ClassVar[str] = "recipe"
    title: ClassVar[str] = "Recipe"
    position: ClassVar[int] = 5
    summary: ClassVar[str] = "Everything that was chosen, as JSON: equal recipes give equal runs."
    purpose: ClassVar[str] = "for python -m studio train recipe.json"

    def check(self, source: Source) -> None:
        """Raise ModelError in words for a base."""
        source.made  # noqa: B018 - it raises

    def write(self, source: Source, folder: Path) -> Iterator[None]:
        """Write recipe.json."""
        told = json.dumps(source.made.recipe.to_public().to_json(), indent=2, ensure_ascii=False)
        (folder / "recipe.json").write_text(told, encoding="utf-8")
        yield
