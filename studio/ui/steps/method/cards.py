"""Whether a recipe would fit a graphics card that is not here: 8, 12, 24 or 80 GB.

Draws a table; what a recipe needs on a card is the estimate's business.
"""

from typing import Any

from studio.errors import StudioError
from studio.estimates.estimate import Estimate
from studio.models.device import imagine_card
from studio.service import Studio
from studio.ui.frame.planning import CARDS, put_on
from studio.ui.frame.words import escape, fit_pill, size

WAITING = '<p class="hint">Working it out …</p>'


def draw_waiting() -> str:
    """Return the fold before it is looked into."""
    return _fold(WAITING)


def draw_cards(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return what the recipe would need on each card; what is wrong with the recipe where something is."""
    try:
        estimates = [
            (gigabytes, name, studio.estimate(put_on(recipe, card), card))
            for gigabytes, name in CARDS.items()
            for card in [imagine_card(gigabytes)]
        ]
    except StudioError as error:
        return _fold(f'<p class="error-line">{escape(error)}</p>')
    rows = "".join(_draw_row(*each) for each in estimates)
    return _fold(
        '<table class="facts"><thead class="visually-hidden"><tr><th>Card</th><th>Needs</th><th>Fits</th></tr></thead>'
        f'<tbody>{rows}</tbody></table><p class="hint">Memory alone: how fast a card is can only be measured on it.</p>'
    )


def _draw_row(gigabytes: int, name: str, estimate: Estimate) -> str:
    needed = "not known" if estimate.memory_bytes is None else size(estimate.memory_bytes)
    change = estimate.change if estimate.fits in ("tight", "too big") else None
    said = f'<span class="hint"> {escape(change.words)}</span>' if change else ""
    return (
        f'<tr><th scope="row">{gigabytes} GB <span class="hint">{escape(name)}</span></th>'
        f'<td class="value">{needed}</td><td data-card="{gigabytes}">{fit_pill(estimate.fits)}{said}</td></tr>'
    )


def _fold(inner: str) -> str:
    return (
        '<div class="studio"><details class="more card" id="other-cards"><summary>Would it fit another graphics card?'
        f'<span class="hint"> 8, 12, 24, 80 GB</span></summary>{inner}</details></div>'
    )
