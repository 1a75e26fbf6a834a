"""The desk of a run (how it stands, start, stop, resume) and the answers it gave on its way.

Knows gradio's custom component and the studio; what is shown is drawn by assets/js/train.js and samples.js from the
points the live chart asked for. The acts are server functions: they need no queue, they survive a restart of the
studio under an open page, and they answer {"error": words} instead of raising, since the browser shows the words
where the click was.
"""

import os
from typing import Any

import gradio as gr

from studio.errors import InputError
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.ui.theme import asset
from studio.ui.widgets.server_act import Act, answer_in_words, part

LONGEST_REQUEST = 64
TAIL_BYTES = 6_000


class RunDesk(gr.HTML):
    """State, progress and acts of `draft.run`; hidden while there is none."""

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(
            value=None,
            html_template='<section class="desk" aria-label="The run" data-status="none" hidden></section>',
            js_on_load=asset("js/train.js"),
            server_functions=make_acts(studio),
            padding=False,
            apply_default_css=False,
            **settings,
        )

    def api_info(self) -> dict[str, Any]:
        """It has no value."""
        return {"type": "null"}


class SampleAnswers(gr.HTML):
    """The sample answers of `draft.run`; hidden until there are some."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            value=None,
            html_template=_SAMPLES,
            js_on_load=asset("js/samples.js"),
            padding=False,
            apply_default_css=False,
            **settings,
        )

    def api_info(self) -> dict[str, Any]:
        """It has no value."""
        return {"type": "null"}


_SAMPLES = """
<section class="samples" aria-label="Answers on the way" data-step="" hidden>
  <header><h3 class="samples-title"></h3><div class="samples-pick"></div></header>
  <div class="samples-list" tabindex="0" role="group" aria-label="Sample answers"></div>
</section>"""


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the desk, bound to `studio`."""

    def start_run(asked: Any) -> dict[str, Any]:
        recipe, request = part(asked, "recipe", dict), part(asked, "request", str)
        if not 8 <= len(request) <= LONGEST_REQUEST:
            raise InputError(f"A request id has 8 to {LONGEST_REQUEST} characters, not {len(request)}.")
        return {"run": studio.start_run(recipe, request)}

    def stop_run(asked: Any) -> dict[str, Any]:
        studio.stop_run(part(asked, "run", str))
        return {"done": True}

    def resume_run(asked: Any) -> dict[str, Any]:
        studio.resume_run(part(asked, "run", str))
        return {"done": True}

    def read_settings(asked: Any) -> dict[str, Any]:
        return {"recipe": studio.run_status(part(asked, "run", str)).recipe}

    def read_output(asked: Any) -> dict[str, Any]:
        return {"text": tail_output(find_run(studio.workspace, part(asked, "run", str)))}

    return [answer_in_words(act) for act in (start_run, stop_run, resume_run, read_settings, read_output)]


def tail_output(run: Run) -> str:
    """Return the end of what a run's process printed, whole lines, "" if it printed nothing."""
    try:
        with open(run.output_file, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return text.strip() if size <= TAIL_BYTES else text.partition("\n")[2].strip()
