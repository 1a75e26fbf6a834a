"""Pictures of evidence, drawn on the server: score against forgetting, what was earned against how far a model went for
it, and which label was taken for which.
"""

from collections.abc import Callable, Sequence

from studio.evidence.evidence import LabelTable
from studio.evidence.frontier import Point, find_best
from studio.evidence.trade import Traded, find_least_kl
from studio.ui.frame.words import escape, foreign

WIDTH, HEIGHT, PAD, ROUND = 400, 200, 12, 5
BEYOND = 4
"""Other runs' points that lie so many times farther than the run's own stand at the edge, or its own would be one."""
LEAST_REACH = 0.05
_LETTER, _LINE = 9, 12
"""About how wide a letter and how high a line of the picture's text is."""


def draw_frontier(points: Sequence[Point], run: str) -> str:
    """Return score against forgetting, a line a run, `run` before the others; nothing where too little was measured."""
    own = [point for point in points if point.run == run]
    if len({point.step for point in own}) < 2:
        return ""
    names = [run, *dict.fromkeys(point.run for point in points if point.run != run)]
    nearest = min(*(point.forgotten for point in points), 0.0)
    reach = max(BEYOND * max(point.forgotten for point in own), LEAST_REACH)
    farthest = min(reach, max(*(point.forgotten for point in points), 1e-6))

    def place(point: Point) -> tuple[float, float]:
        x = PAD + (min(point.forgotten, farthest) - nearest) / (farthest - nearest) * (WIDTH - 2 * PAD)
        return x, HEIGHT - PAD - point.score / 100 * (HEIGHT - 2 * PAD)

    best, lines, marks = find_best(points), "", ""
    for number, name in reversed(list(enumerate(names))):  # the run's own lie on top
        its = [point for point in points if point.run == name]
        way = " ".join("{:.1f},{:.1f}".format(*place(point)) for point in its)
        lines += f'<polyline class="run-{number}" points="{way}"></polyline>'
        for point in its:
            kind = f"run-{number}{' best' * (point in best)}{' beyond' * (point.forgotten > farthest)}"
            marks += _draw_mark(*place(point), kind, _tell_point(point))
    above = "Up: validation score, 0 to 100\u00a0%"
    ends = (f"{nearest:+.3f}", f"forgotten: {farthest:+.3f} nats a token")
    keys = "".join(
        f'<span class="run-{number}">{foreign(name, 40)}{" (this run)" * (name == run)}</span>'
        for number, name in enumerate(names)
    )
    label = "Validation score against forgetting, one point a checkpoint"
    return (
        f"<h3>Learnt against forgotten</h3>{_frame(label, above, ends, lines + marks + _draw_steps(own, place))}"
        f'<p class="frontier-keys">{keys}</p><p class="hint">One point a checkpoint, joined in the order of the steps. '
        f"A ring marks what no other beats: up is learnt, left is kept.{_tell_beyond(points, farthest)}"
        f"{_tell_texts(points)}</p>"
    )


def _draw_mark(x: float, y: float, kind: str, title: str) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{ROUND}"><title>{escape(title)}</title></circle>'


def _tell_point(point: Point) -> str:
    over = f" over {point.texts} texts" if point.texts else ""
    return f"{point.run}, step {point.step:,}: {point.score:.0f} %, {point.forgotten:+.3f} nats a token{over}"


def _draw_steps(own: Sequence[Point], place: Callable[[Point], tuple[float, float]]) -> str:
    """The steps of a run's points, the last ones first, where they don't cover each other."""
    taken: list[tuple[float, float, float]] = []
    drawn = ""
    for point in reversed(own):
        text, (x, y) = "base" if point.step == 0 else f"{point.step:,}", place(point)
        half = len(text) * _LETTER / 2
        x, y = min(max(x, PAD + half), WIDTH - PAD - half), y + 2 * _LINE if y < HEIGHT / 2 else y - _LINE
        if all(abs(y - other) >= _LINE or abs(x - middle) >= half + its + _LETTER for middle, its, other in taken):
            taken.append((x, half, y))
            drawn += f'<text x="{x:.1f}" y="{y:.1f}">{text}</text>'
    return drawn


def _tell_beyond(points: Sequence[Point], farthest: float) -> str:
    most = max(point.forgotten for point in points)
    return f" Hollow: farther right than the edge, up to {most:+.3f}." if most > farthest else ""


def _frame(label: str, above: str, ends: tuple[str, str], inside: str) -> str:
    """A picture in its frame, with what its sides mean as text that a small screen makes no smaller."""
    left, right = ends
    return (
        f'<div class="frontier"><p class="hint">{escape(above)}</p><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}"><rect x="{PAD}" y="{PAD}" width="{WIDTH - 2 * PAD}" '
        f'height="{HEIGHT - 2 * PAD}"></rect>{inside}</svg>'
        f'<p class="hint frontier-ends"><span>{escape(left)}</span><span>{escape(right)}</span></p></div>'
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

    marks, line, said = "", "", ""
    for point in points:
        x, y = place(point.kl, point.reward)
        title = f"to step {point.step:,}: reward {point.reward:.2f}, {point.kl:.2f} nats an answer"
        marks += _draw_mark(x, y, "run-0", title)
    if yes_or_no:
        shares = [rewards[0] + (1 - rewards[0]) * step / 60 for step in range(61)]
        bound = [(find_least_kl(share, rewards[0]), share) for share in shares]
        ways = " ".join("{:.1f},{:.1f}".format(*place(*each)) for each in bound if each[0] <= farthest)
        line = f'<polyline class="bound" points="{ways}"></polyline>'
        said = (
            " The line is the least it costs to earn so much, whatever the model, reckoned from the first point. Each "
            "is of some answers only: one above the line lies there by chance."
        )
    label = "Mean reward against KL from the start, one point a stretch of steps"
    above = f"Mean reward: {low:.2f} (bottom) to {high:.2f} (top)"
    ends = ("0", f"KL from the start: {farthest:.2f} nats an answer")
    return (
        f"<h3>Earned against changed</h3>{_frame(label, above, ends, line + marks)}"
        f'<p class="hint">Up is earned; to the right the model writes less and less as at the start '
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
