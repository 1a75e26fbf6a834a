"""The figures in the README, written from the files that hold them: `python -m bench.readme`. A test compares them."""

import json
import re
from pathlib import Path
from typing import Any

from studio.estimates.checking import can_not_go_back
from studio.methods import METHODS
from studio.methods.pairs import list_pairs
from studio.objectives import OBJECTIVES
from studio.objectives.card import list_objectives
from studio.precisions import PRECISIONS

ROOT = Path(__file__).resolve().parents[1]
SCORES = ROOT / "assets" / "tasks" / "scores.json"
RESULTS = ROOT / "bench" / "results.json"


def write_scores_table(scores: dict[str, Any], titles: dict[str, str]) -> str:
    """Return what base and tuned score on each sample task: exactly right answers in percent."""
    lines = [
        "| sample task | base | base, 2 examples in the prompt | tuned | base, unseen words | tuned, unseen words |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for task_id, found in sorted(scores.items()):
        columns = [found[side][part] for part in ("test", "unseen") for side in ("base", "tuned")]
        columns.insert(1, found["prompted"]["test"])
        lines.append(f"| {titles[task_id]} | " + " | ".join(f"{value:.0f} %" for value in columns) + " |")
    return "\n".join(lines)


def write_methods_table() -> str:
    """Return each method with what it changes and its paper, from the registry."""
    lines = ["| `name` | method | what it changes |", "|---|---|---|"]
    for name, method in METHODS.members.items():
        lines.append(f"| `{name}` | [{method.title}]({method.paper}) | {method.summary} |")
    return "\n".join(lines)


def write_objectives_table() -> str:
    """Return each objective with the kinds of data and the methods it goes with, from the registries."""
    lines = ["| `name` | objective | learns from | methods | what it does |", "|---|---|---|---|---|"]
    for card in list_objectives():
        needs = OBJECTIVES.find(card.name).needs
        off = (
            [name for name, method in METHODS.members.items() if can_not_go_back(method)] if "samples" in needs else []
        )
        methods = f"all but {', '.join(off)}" if off else "all"
        lines.append(f"| `{card.name}` | {card.title} | {', '.join(card.kinds)} | {methods} | {card.summary} |")
    return "\n".join(lines)


def write_pairs_table() -> str:
    """Return the pairs of method and precision that can't train, from the methods' own words."""
    precisions = list(PRECISIONS.members)
    cells = {(pair.method, pair.precision): "no" if pair.refusal else "yes" for pair in list_pairs()}
    alike: dict[tuple[str, ...], list[str]] = {}
    for method in METHODS.members:
        alike.setdefault(tuple(cells[method, precision] for precision in precisions), []).append(method)
    lines = [f"| methods | {' | '.join(precisions)} |", "|---|" + "---|" * len(precisions)]
    for answers, methods in alike.items():
        lines.append(f"| {', '.join(methods)} | {' | '.join(answers)} |")
    return "\n".join(lines)


def write_figures_table(results: dict[str, Any]) -> str:
    """Return what `make bench` measured, and on what."""
    cases: dict[str, list[str]] = {}
    for case, figures in results["figures"].items():
        if figures:
            cases.setdefault(results["measured"][case], []).append(case)
    lines = [
        *(f"Measured on {where}: {', '.join(names)}.  " for where, names in cases.items()),
        "",
        "| what | here | beside | ratio | aim |",
        "|---|---:|---:|---:|---|",
    ]
    for case, figures in results["figures"].items():
        for figure in SHORTENED.get(case, list)(figures):
            beside = f"{_say(figure['beside'])} ({figure['beside_name']})" if figure["beside"] is not None else ""
            ratio = f"{figure['ratio']:.2f} x" if figure["ratio"] is not None else ""
            value = f"{_say(figure['value'])} {figure['unit']}"
            lines.append(f"| {figure['name']} | {value} | {beside} | {ratio} | {figure['target']} |")
    return "\n".join(lines)


def write_merges_table(figures: list[dict[str, Any]]) -> str:
    """Return what each way of merging comes to on both tasks, of adapters and of whole models, with its interval."""
    kinds: list[str] = []
    rows: dict[str, list[str]] = {}
    for figure in figures:
        kind, _, rest = figure["name"].partition(", ")
        way, _, task = rest.rpartition(": ")
        name, bounds = task.rstrip(")").replace("_", " ").split(" (")
        kinds += [f"{kind}, {name}"] * (f"{kind}, {name}" not in kinds)
        rows.setdefault(way, []).append(f"{figure['value']:.0f} ({bounds.partition(',')[0]})")
    lines = [f"| way | {' | '.join(kinds)} |", "|---|" + "---:|" * len(kinds)]
    return "\n".join([*lines, *(f"| {way} | {' | '.join(cells)} |" for way, cells in rows.items())])


def pick_none(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return nothing of what has a table of its own."""
    return []


def pick_slowest(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the slowest of all methods on each shape, which the name of a count ends with."""
    shapes: dict[str, list[dict[str, Any]]] = {}
    for figure in figures:
        shapes.setdefault(figure["name"].rsplit(" on ", 1)[-1], []).append(figure)
    return [
        {**worst, "name": f"{worst['name']} (the slowest of {len(group)} methods)"}
        for group in shapes.values()
        for worst in [max(group, key=lambda figure: float(figure["value"]))]
    ]


def pick_lowest(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lowest of figures that all have the same aim."""
    lowest = min(figures, key=lambda figure: float(figure["value"]))
    return [{**lowest, "name": f"{lowest['name']} (the lowest of {len(figures)})"}]


def pick_last(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the figure that sums the others up."""
    return figures[-1:]


SHORTENED = {"coverage": pick_lowest, "count": pick_slowest, "memory": pick_last, "merging": pick_none}
"""Cases of which the README shows a part; bench/results.json has all."""


def _say(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def replace_block(text: str, name: str, content: str) -> str:
    """Return `text` with a new `content` between the comments name and /name. Raises ValueError if they are absent."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"The README has no block called {name}.")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def write_readme(text: str) -> str:
    """Return the README with its figures renewed."""
    titles = {
        path.stem: json.loads(path.read_text())["Title"] for path in (ROOT / "assets" / "tasks").glob("studio*.json")
    }
    results = json.loads(RESULTS.read_text())
    blocks = {
        "scores": write_scores_table(json.loads(SCORES.read_text()), titles),
        "methods": write_methods_table(),
        "objectives": write_objectives_table(),
        "pairs": write_pairs_table(),
        "figures": write_figures_table(results),
        "merges": write_merges_table(results["figures"]["merging"]),
    }
    for name, content in blocks.items():
        text = replace_block(text, name, content)
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(write_readme(readme.read_text(encoding="utf-8")), encoding="utf-8")
