"""`make bench`, or `python -m bench page chart`: measures, prints a table, keeps the figures in bench/results.json."""

import argparse
import importlib
import json
import platform
import time
from pathlib import Path
from typing import Any

from bench.figure import Figure
from studio.models.device import find_device

CASES = (
    "page",
    "training",
    "realsize",
    "profile",
    "chat",
    "viewers",
    "chart",
    "opening",
    "count",
    "slider",
    "memory",
    "traced",
    "data",
    "browsing",
    "looking",
    "guard",
    "attacks",
    "card",
    "coverage",
    "evidence",
    "exporting",
    "merging",
    "many",
    "objectives",
    "few",
    "contrastive",
    "preferences",
)
RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Measure the cases that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=[])
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"figures": {}, "measured": {}}
    for case in parser.parse_args().cases or CASES:
        figures = importlib.import_module(f"bench.{case}").measure()
        keep(results, case, figures, f"{name_machine()}, {time.strftime('%Y-%m-%d')}")
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        for figure in figures:
            print(write_row(figure), flush=True)


def name_machine() -> str:
    """Return what is measured on; figures of a graphics card say themselves which one."""
    device = find_device()
    memory = f"{device.memory_bytes / 2**30:.0f} GB"
    return f"{device.cores} cores of {device.name}, {memory}, Python {platform.python_version()}"


def keep(results: dict[str, Any], case: str, figures: list[Figure], measured: str) -> None:
    """Put the figures of a case among the results. One that could not be measured here keeps those it had."""
    if figures or case not in results["figures"]:
        results["figures"][case] = [{**figure._asdict(), "ratio": figure.ratio} for figure in figures]
        results["measured"][case] = measured


def write_row(figure: Figure) -> str:
    """Return one line of the table."""
    beside = f"  {figure.beside:.3g} {figure.beside_name}: {figure.ratio:.2f} x" if figure.ratio is not None else ""
    aim = f"  (aim: {figure.target})" if figure.target else ""
    return f"{figure.name:44} {figure.value:10.4g} {figure.unit:11}{beside}{aim}"


if __name__ == "__main__":
    main()
