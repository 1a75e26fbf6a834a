"""What storing a base in 4 or 8 bits does to its weights: real ones of the built-in base, each on its nearest level.

Knows which weights; the browser (snapping.js) draws them and computes the error of each form.
"""

import json
from functools import lru_cache

from studio.models.reference import BUILTIN_FOLDER
from studio.models.weights_file import read_few
from studio.ui.frame.words import escape

BLOCK = 64
"""Weights that share one scale in nf4 (Dettmers et al. 2023, arXiv:2305.14314)."""
TENSOR = "model.layers.0.mlp.gate_proj.weight"


@lru_cache(maxsize=1)
def read_weights() -> tuple[float, ...]:
    """Return one block of the built-in base's weights; nothing where they can't be read."""
    try:
        weights = read_few(BUILTIN_FOLDER / "model.safetensors", TENSOR, BLOCK)
        return tuple(round(weight, 5) for weight in weights)
    except (OSError, ValueError):  # another base was built in: the page does without the picture
        return ()


def draw_snapping() -> str:
    """Return the place of the picture, with the weights."""
    weights = read_weights()
    if not weights:
        return ""
    return (
        f'<figure class="snapping" data-weights="{escape(json.dumps(weights))}"><figcaption class="hint">'
        f"{len(weights)} weights of the built-in base and the levels on which fewer bits put them</figcaption></figure>"
    )
