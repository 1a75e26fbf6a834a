"""The pictures of a report as plain HTML and SVG: how often each label occurs, how long the instances are."""

from studio.tasks.quality.lengths import Lengths
from studio.tasks.quality.report import Report
from studio.ui.frame.words import escape, foreign, number, percent, term

_MOST_LABELS = 12
_WIDTH, _HEIGHT, _FLOOR = 420, 150, 24


def draw_labels(report: Report) -> str:
    """Return a bar for each label, the most frequent first; "" where outputs are free text."""
    if not report.labels:
        return ""
    most, total = max(report.labels.values()), sum(report.labels.values())
    shown = list(report.labels.items())[:_MOST_LABELS]
    bars = "".join(
        f'<li><span class="label">{foreign(label, 60)}</span><span class="bar" aria-hidden="true">'
        f'<i style="width:{100 * count / most:.1f}%"></i></span><span class="num">{number(count)}</span>'
        f'<span class="num hint">{percent(100 * count / total)}</span></li>'
        for label, count in shown
    )
    more = len(report.labels) - len(shown)
    rest = f'<p class="hint">and {more} more labels</p>' if more else ""
    return (
        f'<figure class="picture"><figcaption><h3>Answers by frequency</h3></figcaption>'
        f'<ul class="label-bars">{bars}</ul>{rest}</figure>'
    )


def draw_lengths_picture(lengths: Lengths) -> str:
    """Return the histogram of lengths in tokens, with the limit beyond which training leaves instances out."""
    first, last = lengths.edges[0], max(lengths.edges[-1], lengths.edges[0] + 1)
    shown_last = last
    if lengths.limit and lengths.too_long:
        shown_last = max(last, lengths.limit)
    span, tallest = max(1, shown_last - first), max(1, *lengths.heights)

    def across(tokens: float) -> float:
        return (tokens - first) / span * _WIDTH

    bars = []
    for start, end, height in zip(lengths.edges, lengths.edges[1:], lengths.heights, strict=False):
        if height:
            tall = max(2.0, height / tallest * (_HEIGHT - _FLOOR - 8))
            width = max(2.0, across(max(end, start + 1)) - across(start) - 1)
            cut = " cut" if lengths.limit and start >= lengths.limit else ""
            bars.append(
                f'<rect class="column{cut}" x="{across(start):.1f}" y="{_HEIGHT - _FLOOR - tall:.1f}" '
                f'width="{width:.1f}" height="{tall:.1f}"/>'
            )
    line = ""
    if lengths.limit and first <= lengths.limit <= shown_last:
        at = across(lengths.limit)
        line = f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HEIGHT - _FLOOR}"/>'
    axis = (
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT - _FLOOR}" y2="{_HEIGHT - _FLOOR}"/>'
        f'<text x="0" y="{_HEIGHT - 6}">{number(first)}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" class="end">{number(shown_last)} tokens</text>'
    )
    said = escape(f"Lengths from {number(first)} to {number(last)} tokens, the median {number(lengths.median)}.")
    return (
        f'<figure class="picture"><figcaption><h3>How long the examples are</h3></figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">{"".join(bars)}{line}{axis}</svg>'
        f"<p>{_say_lengths(lengths)}</p></figure>"
    )


def _say_lengths(lengths: Lengths) -> str:
    cut = len(lengths.too_long)
    said = (
        f'Half have at most <strong class="num">{number(lengths.median)}</strong> {term("token", "tokens")}, '
        f'95 % at most <strong class="num">{number(lengths.p95)}</strong>; the longest has '
        f'<strong class="num">{number(lengths.longest)}</strong>, the longest answer '
        f'<strong class="num">{number(lengths.longest_answer)}</strong>. '
    )
    if not lengths.limit:
        return said
    if not cut:
        return f"{said}All fit into the {number(lengths.limit)} a row may have."
    return (
        f'{said}<strong class="over">{number(cut)}</strong> {"has" if cut == 1 else "have"} more than the '
        f"{number(lengths.limit)} a row may have: training leaves {'it' if cut == 1 else 'them'} out."
    )
