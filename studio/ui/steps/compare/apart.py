"""How texts were told apart: what few labels came to by each way of using them, and where texts lie before and after.

Drawn on the server; all foreign text is escaped.
"""

from collections.abc import Sequence

from studio.evidence.few_labels import Way
from studio.models.reference import ModelRef
from studio.objectives.places import Places, Spot
from studio.ui.frame.words import escape, foreign
from studio.works.export import name_model

SIDE, PAD = 240, 14
_COLOURS = 7
_MOST_NAMED = 20
_IN_PAIRS = 2


def draw_few(ways: Sequence[Way]) -> str:
    """Return the table of ways, nothing where nothing but the commonest label is known."""
    if len(ways) < 2:
        return ""
    rows = "".join(
        f'<tr><td>{escape(way.title)}</td><td>{foreign(_name(way.model), 60)}</td><td class="num">{way.mean:.0f} %</td>'
        f'<td class="num">{"" if way.spread is None else f"{way.spread:.1f}"}</td>'
        f'<td class="num">{len(way.scores) if way.model else ""}</td></tr>'
        for way in ways
    )
    return (
        '<h3>Few labels: what each way came to</h3><div class="tablebox"><table class="plain" id="few-labels"><thead>'
        "<tr><th>Way</th><th>Model</th><th>Mean</th><th>Spread</th><th>Draws</th></tr></thead>"
        f'<tbody>{rows}</tbody></table></div><p class="hint">Of the test part, over the runs on this task that learned '
        "from as many examples a class. With so few, chance decides much: train several draws.</p>"
    )


def _name(model: str) -> str:
    return name_model(ModelRef(ref=model)) if model else ""


def draw_places(places: Places | None) -> str:
    """Return two pictures of where texts lie, nothing where nobody looked."""
    if places is None or not places.texts:
        return ""
    groups = list(dict.fromkeys(places.groups))
    are_pairs = max(map(places.groups.count, groups)) <= _IN_PAIRS < len(groups)
    drawn = "".join(
        f"<figure><figcaption>{title}</figcaption>{_draw_spots(places, spots, groups, are_pairs)}</figure>"
        for title, spots in (("Before", places.before), ("After", places.after))
    )
    key = (
        "A line joins the two texts of a pair."
        if are_pairs
        else "Colours: "
        + ", ".join(
            f'<span class="spot-key c{place % _COLOURS}">{foreign(group, 30)}</span>'
            for place, group in enumerate(groups[:_MOST_NAMED])
        )
        + "."
    )
    return (
        f'<h3>Where texts lie</h3><div class="places">{drawn}</div><p class="hint">{len(places.texts):,} texts of the '
        "validation part, in the two directions in which they differ most (principal components). What belongs "
        f"together should lie together. {key}</p>"
    )


def _draw_spots(places: Places, spots: Sequence[Spot], groups: Sequence[str], are_pairs: bool) -> str:
    at = [(SIDE / 2 + x * (SIDE / 2 - PAD), SIDE / 2 - y * (SIDE / 2 - PAD)) for x, y in spots]
    lines = ""
    if are_pairs:
        members: dict[str, list[tuple[float, float]]] = {}
        for group, spot in zip(places.groups, at, strict=True):
            members.setdefault(group, []).append(spot)
        lines = "".join(
            f'<line x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"></line>'
            for one, *rest in members.values()
            for other in rest
        )
    marks = "".join(
        f'<circle class="c{0 if are_pairs else groups.index(group) % _COLOURS}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
        f"<title>{escape(text if are_pairs else f'{group}: {text}', 160)}</title></circle>"
        for text, group, (x, y) in zip(places.texts, places.groups, at, strict=True)
    )
    return (
        f'<svg class="spots" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="Where {len(places.texts)} texts lie">'
        f'<rect x="1" y="1" width="{SIDE - 2}" height="{SIDE - 2}"></rect>{lines}{marks}</svg>'
    )
