"""Places: where texts that nothing was learnt from lie before a training and after it, in two dimensions.

The two are those along which they differ most (principal components), before and after each for itself; turned and
mirrored so that what is after lies as near to what was before as it can. One small JSON file of a checkpoint.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ValidationError

from studio.errors import ModelError, first_line
from studio.objectives.choices import Vectors, make_unit

FILE = "places.json"
"""Where they are kept in a checkpoint."""
MOST = 120
"""So many texts are placed at most."""
MOST_LETTERS = 120
Spot = tuple[float, float]


class Places(BaseModel, frozen=True):
    """Texts, what group each belongs to (its class, or the number of its pair), and where it lies before and after."""

    texts: tuple[str, ...]
    groups: tuple[str, ...]
    before: tuple[Spot, ...]
    after: tuple[Spot, ...]


def place_texts(texts: Sequence[str], groups: Sequence[str], before: Vectors, after: Vectors) -> Places:
    """Return the places of texts by where a model put them (texts x width), before and after."""
    old = _project(before)
    new = _turn(_project(after), old)
    short = tuple(text[:MOST_LETTERS] for text in texts)
    return Places(texts=short, groups=tuple(groups), before=_round(old), after=_round(new))


def save_places(places: Places, folder: Path) -> None:
    """Write them into a checkpoint."""
    (folder / FILE).write_text(places.model_dump_json(), encoding="utf-8")


def load_places(folder: Path) -> Places | None:
    """Read them from a checkpoint, None where it has none. Raises ModelError in words where they are damaged."""
    try:
        return Places.model_validate(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        raise ModelError(
            f"Where this checkpoint puts texts can't be read ({first_line(error)}). Choose another.", field="step"
        ) from error


def _project(vectors: Vectors) -> Vectors:
    """The directions of vectors along the two axes on which they differ most, the farthest 1 from the middle."""
    unit = make_unit(np.asarray(vectors, dtype=np.float64))
    moved = unit - unit.mean(axis=0)
    _, _, axes = np.linalg.svd(moved, full_matrices=False)
    flat = np.zeros((len(moved), 2))
    flat[:, : min(2, len(axes))] = moved @ axes[:2].T
    farthest = float(np.linalg.norm(flat, axis=1).max(initial=0.0))
    return flat / farthest if farthest > 0 else flat


def _turn(spots: Vectors, towards: Vectors) -> Vectors:
    """Spots turned and mirrored as near to others as that gets them (Schoenemann 1966)."""
    left, _, right = np.linalg.svd(spots.T @ towards)
    turned: Vectors = spots @ (left @ right)
    return turned


def _round(spots: Vectors) -> tuple[Spot, ...]:
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in spots)
