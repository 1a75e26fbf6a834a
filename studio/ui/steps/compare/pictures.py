"""Pictures of evidence, drawn on the server: score against forgetting, what was earned against how far a model went for
it, and which label was taken for which.
"""

from collections.abc import Sequence

from studio.evidence.evidence import LabelTable
from studio.evidence.frontier import Point, find_best
from studio.evidence.trade import Traded, find_least_kl
from studio.ui.frame.words import escape, foreign

WIDTH, HEIGHT, PAD = 520, 240, 40
MOST_RUNS = 8
_SHAPES = 4


def draw_frontier(points: Sequence[Point], run: str) -> str:
    """Return score against forgetting, the points of `run` filled; nothing where too little was measured."""
    if len({point.step for point in points if point.run == run}) < 2:
        return ""
    names = list(dict.fromkeys(point.run for point in points))
    best = find_best(points)
    farthest = max(*(point.forgotten for point in points), 1e-6)
    nearest = min(*(point.forgotten for point in points), 0.0)
    marks = []
    for point in points:
        x = PAD + (point.forgotten - nearest) / (farthest - nearest) * (WIDTH - 2 * PAD)
        y = HEIGHT - PAD - point.score / 100 * (HEIGHT - 2 * PAD)
        title = f"{point.run}, step {point.step:,}: {point.score:.0f} %, {point.forgotten:+.3f} nats a token"
        title += f" over {point.texts} texts" if point.texts else ""
        kind = f"run-{names.index(point.run) % _SHAPES}{' own' if point.run == run else ''}{' best' * (point in best)}"
        marks.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(title)}</title></circle>')
    key = ", ".join(f"{foreign(name, 40)}{' (filled)' if name == run else ''}" for name in names)
    return (
        f'<h3>Learnt against forgotten</h3><svg class="frontier" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Validation score against forgetting, one point a checkpoint">'
        f'<rect x="{PAD}" y="{PAD}" width="{WIDTH - 2 * PAD}" height="{HEIGHT - 2 * PAD}"></rect>{"".join(marks)}'
        f'<text x="{PAD}" y="{PAD - 10}">Validation score: 100 %</text><text x="{PAD}" y="{HEIGHT - 8}">'
        f'{nearest:+.3f}</text><text x="{WIDTH - PAD}" y="{HEIGHT - 8}" text-anchor="end">forgotten: '
        f"{farthest:+.3f} nats a token</text></svg>"
        f'<p class="hint">One point a checkpoint, of {key}. A ring marks what no other checkpoint '
        f"beats: up is learnt, left is kept.{_tell_texts(points)}</p>"
    )


def _tell_texts(points: Sequence[Point]) -> str:
    """Nothing where all points forgot of the same text."""
    texts = list(dict.fromkeys(point.texts for point in points if point.texts))
    if len(texts) < 2:
        return ""
    return (
        f" The runs were measured on different general texts ({', '.join(texts)}): what was forgotten is comparable "
        "within one run, and between runs only roughly."
    )


def draw_trade(points: Sequence[Traded], yes_or_no: bool) -> str:
    """Return what was earned against the KL from the start, a point a stretch of steps; nothing for fewer than two.

    Where an answer earns 0 or 1, with the line that nothing can be left of.
    """
    if len(points) < 2:
        return ""
    rewards = [point.reward for point in points]
    low, high = (0.0, 1.0) if yes_or_no else (min(rewards), max(*rewards, min(rewards) + 1e-6))
    farthest = max(*(point.kl for point in points), 1e-6)

    def place(kl: float, reward: float) -> tuple[float, float]:
        x = PAD + max(0.0, kl) / farthest * (WIDTH - 2 * PAD)
        return x, HEIGHT - PAD - (reward - low) / (high - low) * (HEIGHT - 2 * PAD)

    marks, line, said = [], "", ""
    for point in points:
        x, y = place(point.kl, point.reward)
        title = f"to step {point.step:,}: reward {point.reward:.2f}, {point.kl:.2f} nats an answer"
        marks.append(f'<circle class="own" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(title)}</title></circle>')
    if yes_or_no:
        shares = [rewards[0] + (1 - rewards[0]) * step / 60 for step in range(61)]
        bound = [(find_least_kl(share, rewards[0]), share) for share in shares]
        ways = " ".join("{:.1f},{:.1f}".format(*place(*each)) for each in bound if each[0] <= farthest)
        line = f'<polyline class="bound" points="{ways}"></polyline>'
        said = (
            " The line is the least it costs to earn so much, whatever the model, reckoned from the first point. Each "
            "is of some answers only: one above the line lies there by chance."
        )
    return (
        f'<h3>Earned against changed</h3><svg class="frontier" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Mean reward against KL from the start, one point a stretch of steps">'
        f'<rect x="{PAD}" y="{PAD}" width="{WIDTH - 2 * PAD}" height="{HEIGHT - 2 * PAD}"></rect>{line}{"".join(marks)}'
        f'<text x="{PAD}" y="{PAD - 10}">Mean reward: {low:.2f} (bottom) to {high:.2f} (top)</text>'
        f'<text x="{PAD}" y="{HEIGHT - 8}">0</text>'
        f'<text x="{WIDTH - PAD}" y="{HEIGHT - 8}" text-anchor="end">KL from the start: {farthest:.2f} nats an answer'
        f'</text></svg><p class="hint">Up is earned; to the right the model writes less and less as at the start '
        f"(KL measures that). Where it moves right and hardly up, it changes without earning: raise "
        f"beta, or train less.{said}</p>"
    )


def draw_confusion(tables: Sequence[LabelTable], titles: dict[str, str]) -> str:
    """Return, for each checkpoint, how often each label that was expected was answered with each."""
    return "".join(_draw_table(table, titles.get(table.checkpoint, table.checkpoint)) for table in tables)


def _draw_table(table: LabelTable, title: str) -> str:
    head = "".join(f"<th>{foreign(label, 24)}</th>" for label in table.labels)
    rows = "".join(
        f"<tr><th>{foreign(label, 24)}</th>{''.join(_draw_count(count, sum(row)) for count in row)}{_draw_f1(f1)}</tr>"
        for label, row, f1 in zip(table.labels, table.counts, table.f1, strict=False)
    )
    return (
        f"<details class='more'><summary>Which label was taken for which: {foreign(title, 60)}</summary>"
        f'<div class="tablebox"><table class="plain confusion"><thead><tr><th>Expected</th>{head}<th>none of them</th>'
        f"<th>F1</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _draw_count(count: int, of: int) -> str:
    share = round(100 * count / of) if of else 0
    return f'<td class="num" style="--share:{share}%">{count:,}</td>'


def _draw_f1(f1: float | None) -> str:
    return f'<td class="num">{"" if f1 is None else f"{f1:.0f} %"}</td>'
