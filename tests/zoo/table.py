"""What the zoo found: kept in assets/zoo.json, told in assets/ZOO.md. Run as a script it writes the page and prints it.

Knows cells and their states, and nothing of models.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from filelock import FileLock

ASSETS = Path(__file__).resolve().parents[2] / "assets"
RESULTS, PAGE = ASSETS / "zoo.json", ASSETS / "ZOO.md"
STATES = ("ok", "refused", "WRONG", "CRASH")
HEAD = """# The zoo

Every causal architecture of transformers {version}, as a tiny random model, and what was promised of it: that card and
count say what is true, that a run's losses and gradients are those of plain transformers reading row by row, that the
base's column is the untouched base, that the adapter loads in plain peft, that greedy and scored answers are those of
`generate`, that a stopped run goes on with the same losses, and that each method and precision does what it says or is
refused in words before the run. `make zoo` tries it all again and writes this page from `zoo.json`.

{tally}
{missing}

| Architecture | ok | refused | What is refused, or read more slowly, and why |
|---|---:|---:|---|
"""


def load() -> dict[str, Any]:
    """Return what was found so far."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"architectures": {}}


def keep(kind: str, found: dict[str, Any]) -> None:
    """Keep what was found of an architecture, in place of what was found before; several processes may do so."""
    import transformers

    with FileLock(Path(tempfile.gettempdir()) / "studio-zoo.lock"):
        results = load()
        results["transformers"] = transformers.__version__
        results["architectures"][kind] = {name: list(cell) for name, cell in found.items()}
        results["architectures"] = dict(sorted(results["architectures"].items()))
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def tally(results: dict[str, Any]) -> str:
    """Return how many cells came out how."""
    counts = Counter(state for cells in results["architectures"].values() for state, _ in cells.values())
    told = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])
    return f"{len(results['architectures'])} architectures, {sum(counts.values()):,} cells: {told}."


def tell_missing(results: dict[str, Any]) -> str:
    """Return which cells were never run, and on how many of the architectures that are not refused as a whole."""
    kinds = [cells for cells in results["architectures"].values() if _is_taken(cells)]
    names = list(dict.fromkeys(name for cells in kinds for name in cells))
    missing = {name: sum(name not in cells for cells in kinds) for name in names}
    told = ", ".join(f"{name} {count}" for name, count in missing.items() if count)
    return f"Not run yet, on so many of the {len(kinds)} that are not refused as a whole: {told}." if told else ""


def _is_taken(cells: dict[str, list[str]]) -> bool:
    """Whether the studio takes an architecture: of one that it refuses, nothing more can be tried."""
    return not any(cells.get(name, ["ok"])[0] == "refused" for name in ("causal", "facts", "count"))


def write_page(results: dict[str, Any]) -> str:
    """Return the page."""
    lines = []
    for kind, cells in results["architectures"].items():
        counts = Counter(state for state, _ in cells.values())
        notes: dict[str, list[str]] = {}
        for name, (state, note) in cells.items():
            if note:
                words = note if state == "ok" else f"{state}: {note}"
                notes.setdefault(words.replace("|", "/").replace("\n", " ")[:160], []).append(name)
        told = "; ".join(f"{', '.join(names)}: {note}" for note, names in notes.items())
        lines.append(f"| {kind} | {counts['ok']} | {counts['refused']} | {told} |\n")
    return HEAD.format(
        version=results.get("transformers", "?"), tally=tally(results), missing=tell_missing(results)
    ) + "".join(lines)


def main() -> int:
    """Write the page and print it. Returns 1 where a cell is silently wrong, or broke."""
    results = load()
    PAGE.write_text(write_page(results), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    bad = [
        cells
        for cells in results["architectures"].values()
        if {"WRONG", "CRASH"} & {state for state, _ in cells.values()}
    ]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
