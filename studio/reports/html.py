"""A report as one page of HTML that needs no other file: its curves are in it, and it asks nobody for anything."""

import json
from collections.abc import Iterable
from html import escape

from studio.evidence.flips import Flip, mark_difference
from studio.reports.report import Curve, Points, Report
from studio.reports.told import Row, list_facts, list_forgetting, list_scores, tell_votes

WIDTH, HEIGHT, PAD = 640, 200, 34
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid #dde3ea}svg{width:100%;height:auto}pre{background:#f4f6f9;padding:1rem;overflow:auto}
.train{stroke:#2f6fde;fill:none;stroke-width:2}.validation{stroke:#c2571a;fill:none;stroke-width:2;stroke-dasharray:5 3}
.frame{stroke:#aab4c0;fill:none}text{font-size:12px;fill:#55606e}mark{background:#ffe2a8}.better{color:#17713b}.worse{color:#a8281f}
@media(prefers-color-scheme:dark){body{color:#e6eaf0;background:#14181e}pre{background:#1f252d}td,th{border-color:#333c47}
text{fill:#a9b4c0}mark{background:#6b4d00;color:inherit}.better{color:#6fd493}.worse{color:#ff9d94}}
"""


def write_html(report: Report) -> str:
    """Return the page of a run."""
    name = escape(report.name)
    return "".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>',
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>',
            f"<h1>{name}</h1><p>{escape(report.sentence)}</p>",
            _table(("What", "Value"), list_facts(report)),
            "<h2>Curves</h2>" if report.curves else "",
            *(_draw(curve) for curve in report.curves),
            _section("Scores", _table(("Model", "Part", "Score", "95 % interval"), list_scores(report))),
            *(f"<p>{escape(note)}</p>" for note in report.notes),
            _section("Forgetting", _table(("Checkpoint", "Forgot", "General text"), list_forgetting(report))),
            _section("What flipped", _tell_flips(report)),
            _section("Votes", f"<p>{escape(tell_votes(report))}</p>"),
            _section("How to reproduce", f"<pre>{escape(json.dumps(report.recipe.to_json(), indent=2))}</pre>"),
            f"<p>{escape(', '.join(f'{name} {number}' for name, number in report.versions.items()))}</p>",
            "</body></html>",
        ]
    )


def _section(title: str, inside: str) -> str:
    return f"<h2>{title}</h2>{inside}" if inside else ""


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if lines else ""


def _draw(curve: Curve) -> str:
    """One chart: training as a line, validation dashed, the bounds of both axes written beside it."""
    points = [*curve.train, *curve.validation]
    farthest = max(step for step, _ in points) or 1
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = high - low or 1.0

    def place(point: tuple[int, float]) -> str:
        x = PAD + point[0] / farthest * (WIDTH - 2 * PAD)
        return f"{x:.1f},{HEIGHT - PAD - (point[1] - low) / span * (HEIGHT - 2 * PAD):.1f}"

    def line(name: str, found: Points) -> str:
        return f'<polyline class="{name}" points="{" ".join(map(place, found))}"></polyline>' if found else ""

    title = escape(f"{curve.measure.title} {f'({curve.measure.unit})' if curve.measure.unit else ''}".strip())
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"><rect class="frame" x="{PAD}" y="{PAD}" '
        f'width="{WIDTH - 2 * PAD}" height="{HEIGHT - 2 * PAD}"></rect>{line("train", curve.train)}'
        f'{line("validation", curve.validation)}<text x="{PAD}" y="20">{title}: training solid, '
        "validation dashed</text>"
        f'<text x="{PAD}" y="{HEIGHT - 12}">step 0</text><text x="{WIDTH - PAD}" y="{HEIGHT - 12}" text-anchor="end">'
        f'{farthest:,}</text><text x="2" y="{HEIGHT - PAD}">{low:.3g}</text><text x="2" y="{PAD + 8}">{high:.3g}</text>'
        "</svg>"
    )


def _tell_flips(report: Report) -> str:
    counts = ", ".join(f"{fate}: {count:,}" for fate, count in report.fates.items())
    rows = "".join(_tell_flip(flip) for flip in report.flips)
    head = "<tr><th></th><th>Asked</th><th>Base</th><th>Tuned</th><th>Expected</th></tr>"
    return f"<p>{escape(counts)}</p><table>{head}{rows}</table>" if report.fates else ""


def _tell_flip(flip: Flip) -> str:
    before, after = (
        "".join(f"<mark>{escape(text)}</mark>" if other else escape(text) for text, other in side)
        for side in mark_difference(flip.before, flip.after)
    )
    cells = f"<td>{escape(flip.prompt[:300])}</td><td>{before}</td><td>{after}</td>"
    return f'<tr><td class="{flip.fate.split()[0]}">{flip.fate}</td>{cells}<td>{escape(flip.wanted[0])}</td></tr>'
