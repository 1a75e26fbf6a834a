"""The sentence of the run that is looked at, in the foot of the page where a run is watched or asked.

Knows the run's own settings, and says it where the draft's are others.
"""

from typing import Any

from studio.errors import StudioError
from studio.runs.run import TRAINING
from studio.service import Studio
from studio.ui.frame.draft import read_draft
from studio.ui.frame.handler import LATEST, in_words
from studio.ui.frame.settings import is_other, read_settings, say_settings
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import escape, foreign
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel


def draw_run_bar(studio: Studio, draft: DraftBox) -> None:
    """Draw the sentence into the current context and wire it to the draft."""

    @in_words
    def show(value: dict[str, Any], request: Asking = None) -> str:
        return draw_sentence(seen_by(studio, request), read_draft(value))

    bar = Panel(elem_id="run-bar")
    draft.run_watched(show, [draft], [bar], **LATEST)
    draft.run_asked(show, [draft], [bar], **LATEST)


def draw_sentence(studio: Studio, draft: dict[str, Any]) -> str:
    """Return what the run of a draft is to learn, by which settings; nothing without a run.

    In words that are true before, while and after it trains, for they are written once.
    """
    if not draft["run"]:
        return ""
    try:
        status = studio.run_status(draft["run"])
    except StudioError:
        return ""
    if status.kind != TRAINING:
        return f'<p class="studio recipe"><strong>{escape(status.name)}</strong>: {foreign(status.sentence, 200)}.</p>'
    settings = say_settings(read_settings(studio, status.recipe, look=False)) or "settings that are not read any more"
    waiting = (
        ' <span class="waits">New settings are waiting: '
        '<button type="button" data-go="train">train them</button></span>'
        if is_other(studio, draft["recipe"], draft["run"])
        else ""
    )
    return (
        f'<p class="studio recipe"><strong>{escape(status.name)}</strong>: {foreign(status.title, 80)} by '
        f"{escape(settings)}.{waiting}</p>"
    )
