"""What was recorded for the page's pictures, in `assets/pictures`: `python -m bench.pictures` records it again.

Knows where it is; what a picture does without its record is the picture's business.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / "assets" / "pictures"


@cache
def read_recorded(name: str) -> dict[str, Any]:
    """Return what was recorded under a name; {} where nothing was."""
    try:
        found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the package without its assets: the page does without the picture
        return {}
    return found if isinstance(found, dict) else {}
