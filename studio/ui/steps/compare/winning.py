"""Who wins: the answers of two models to pairs' prompts, judged by a reward model that doesn't know whose they are."""

from collections.abc import Sequence

from studio.ui.frame.words import escape


def draw_winning(judges: Sequence[tuple[str, str]], said: str = "") -> str:
    """Return the choice of a judge, and what it said; nothing where there is none."""
    if not judges:
        return ""
    options = "".join(f'<option value="{escape(address)}">{escape(name, 60)}</option>' for address, name in judges)
    told = f'<p role="status"><b>{escape(said)}</b></p>' if said else ""
    return (
        f'<h3>Who wins?</h3><div class="acts"><label>Judged by <select data-judge aria-label="Reward model">{options}'
        '</select></label><button type="button" class="btn" data-act="judge">Let it judge the answers</button></div>'
        f"{told}"
    )
