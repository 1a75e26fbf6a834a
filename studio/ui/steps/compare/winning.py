"""Who wins: the answers of two models to pairs' prompts, judged by a reward model that doesn't know whose they are."""

from collections.abc import Sequence

from studio.evidence.win_rate import WinRate
from studio.ui.frame.words import escape


def draw_winning(judges: Sequence[tuple[str, str]], said: str = "") -> str:
    """Return the choice of a judge, and what it said; nothing where there is none."""
    if not judges:
        return ""
    options = "".join(f'<option value="{escape(address)}">{escape(name, 60)}</option>' for address, name in judges)
    told = f'<p role="status"><b>{escape(said)}</b></p>' if said else ""
    return (
        f'<h4>Who wins?</h4><div class="acts"><label>Judged by <select data-judge aria-label="Reward model">{options}'
        '</select></label><button type="button" class="btn" data-act="judge">Let it judge the answers</button></div>'
        f"{told}"
    )


def tell_wins(found: WinRate, judge: str, models: Sequence[str]) -> str:
    """Return what a judge said, in a sentence."""
    before, after = models
    if found.rate is None:
        return f"{judge} finds no difference in {found.n:,} pairs of answers."
    sure = "hardly chance" if found.p < 0.05 else "may be chance"
    between = f"{found.low:.0f} to {found.high:.0f} %, " if found.low is not None and found.high is not None else ""
    return (
        f"By {judge}, {after} beats {before} in {found.wins:,} of {found.wins + found.losses:,} "
        f"({found.rate:.0f} %, {between}{sure}); {found.ties:,} are even."
    )
