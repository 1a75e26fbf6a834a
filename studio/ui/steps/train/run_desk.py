"""The desk of a run (its state, start, stop, resume) and the answers it gave on its way.

Knows gradio's custom component and the studio; what is shown is drawn by run_desk.js and samples.js from the
points the live chart asked for. The acts are server functions: they need no queue, they survive a restart of the
studio under an open page, and they answer {"error": words} instead of raising, since the browser shows the words
where the click was.
"""

from typing import Any

from studio.errors import InputError
from studio.service import Studio
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part

LONGEST_REQUEST = 64
_DESK = '<section class="desk" aria-label="The run" data-status="none" hidden></section>'
_SAMPLES = """
<section class="samples" aria-label="Answers on the way" data-step="" hidden>
  <header><h2 class="samples-title"></h2><div class="samples-pick"></div></header>
  <div class="samples-list" tabindex="0" role="group" aria-label="Sample answers"></div>
</section>"""


class RunDesk(Scripted):
    """State, progress and acts of `draft.run`; hidden while there is none."""

    script = "steps/train/run_desk.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_DESK, make_acts(studio), **settings)


class SampleAnswers(Scripted):
    """The sample answers of `draft.run`; hidden until there are some."""

    script = "steps/train/samples.js"

    def __init__(self, **settings: Any) -> None:
        super().__init__(_SAMPLES, **settings)


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the desk, bound to `studio`."""
    return bind_acts(studio, start_run, train_again, stop_run, resume_run, score_run, read_settings, read_output)


def start_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Start the draft's recipe."""
    recipe = part(asked, "recipe", dict)
    return {"run": visit.start_run(recipe, read_request(asked))}


def train_again(visit: Studio, asked: Any) -> dict[str, Any]:
    """Start a failed run's recipe with what its remedy changes."""
    run = visit.train_again(part(asked, "run", str), read_request(asked))
    return {"run": run, "recipe": visit.run_status(run).recipe}


def stop_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Stop a run after its step, or let it leave the queue."""
    visit.stop_run(part(asked, "run", str))
    return {"done": True}


def resume_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put a run that ended early back into the queue."""
    visit.resume_run(part(asked, "run", str))
    return {"done": True}


def score_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put a score of a run into the queue."""
    return {"run": visit.scores.start(part(asked, "run", str), request=read_request(asked))}


def read_settings(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return a run's own recipe."""
    return {"recipe": visit.run_status(part(asked, "run", str)).recipe}


def read_output(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what a run's process printed last."""
    return {"text": visit.run_output(part(asked, "run", str))}


def read_request(asked: Any) -> str:
    """Return the id of a click. Raises InputError in words."""
    request = part(asked, "request", str)
    if not 8 <= len(request) <= LONGEST_REQUEST:
        raise InputError(f"A request id has 8 to {LONGEST_REQUEST} characters, not {len(request)}.")
    return request
