"""How large a model a config.json may describe: its numbers are anybody's, and each layer is made before it is counted.

Pure: looks at names and numbers. Far above any model there is, far below what stops a computer.
"""

import re
from collections.abc import Iterator
from typing import Any

from studio.errors import ModelError

MOST_LAYERS = 1_000
MOST_EXPERTS = 32_768
MOST_WORDS = 50_000_000
MOST_NUMBERS = 100_000_000
"""Of any other number that a size could be, such as the longest text of a model that reads on and on."""
MOST_ENTRIES = 200_000
"""Values of the whole config, lists included."""
_LAYERS = re.compile(r"(^|_)(num|n)_(.*_)?(layer|block)s?$|(^|_)(layers|blocks|depths?)$")
_NOT_SIZES = ("id", "idx", "index", "seed", "scale", "theta", "base", "factor", "alpha", "size_bytes", "parameters")


def check_bounds(config: dict[str, Any]) -> None:
    """Raise ModelError in words if a config describes a model larger than any. Counts nothing that must be made."""
    for seen, (name, value) in enumerate(_walk(config, "", 0), start=1):
        if seen > MOST_ENTRIES:
            words = f"The config.json holds more than {MOST_ENTRIES:,} values. Choose another model."
            raise ModelError(words, field="model")
        if isinstance(value, int) and not isinstance(value, bool) and value > find_bound(name):
            raise ModelError(
                f"The config.json says {name[:60]} is {str(value)[:20]}; a model here has at most "
                f"{find_bound(name):,}. "
                "Choose another model, or correct the file.",
                field="model",
            )


def find_bound(name: str) -> int:
    """Return the largest number that a key of a config may have."""
    last = name.lower()
    if "expert" in last and not last.endswith(("size", "dim")):
        return MOST_EXPERTS
    if _LAYERS.search(last):
        return MOST_LAYERS
    if "vocab" in last:
        return MOST_WORDS
    return 10**18 if last.endswith(_NOT_SIZES) or "max" in last or "window" in last else MOST_NUMBERS


def _walk(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > 50:
        raise ModelError("The config.json is nested more than fifty deep. Choose another model.", field="model")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, str(key), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, name, depth + 1)
    else:
        yield name, value
