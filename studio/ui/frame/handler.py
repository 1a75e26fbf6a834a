"""What surrounds every handler: errors become words, bugs become a log line and an apology."""

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_function_params

from studio.errors import StudioError, first_line, is_panic
from studio.ui.frame.fair_queue import FairQueue
from studio.ui.frame.sessions import LeanHolder
from studio.ui.frame.signing_in import offers_sign_in

log = logging.getLogger("studio")
BROKEN = "Something broke in the studio. Nothing of yours is lost; try again. The details are in the studio's log."
UNREADABLE = (
    "What was sent can't be read: a part is missing, is not what belongs there, or names a file that was not uploaded. "
    "The endpoint's description says what it takes, in which order."
)
GAVE_UP = "The model's tokenizer gave up on this text, or its tokenizer.json is damaged. Choose another model or text."
Handler = TypeVar("Handler", bound=Callable[..., Any])

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Options of an event that answers quickly: no queue, no veil over the page."""
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
"""The same for events that come in bursts: only the newest matters."""


def say(error: BaseException) -> str:
    """Return an exception in words for a person; a bug is logged with its traceback. Raises what ends the program."""
    if isinstance(error, StudioError):
        return str(error)
    if is_panic(error):
        log.error("A library's own code gave up: %s", first_line(error))
        return GAVE_UP
    if not isinstance(error, Exception):
        raise error
    log.error("A handler broke", exc_info=error)
    return BROKEN


def in_words(handler: Handler) -> Handler:
    """Let a handler's errors reach the person as a message in words that stays until it is closed."""

    @functools.wraps(handler)
    def guarded(*given: Any, **named: Any) -> Any:
        try:
            return handler(*given, **named)
        except gr.Error:
            raise
        except BaseException as error:  # the last line of defence: no traceback reaches a visitor
            raise gr.Error(say(error), duration=None, print_exception=False) from None

    return guarded  # type: ignore[return-value]


class Page(gr.Blocks):
    """Blocks that refuse in words what can't even be handed to a handler: too few parts, a file that isn't one."""

    def queue(self, *given: Any, **named: Any) -> "Page":
        """Take questions in a queue in which nobody's take all places, and slow ones nowhere else."""
        super().queue(*given, **{"api_open": False, **named})
        FairQueue.take_over(self._queue)
        return self

    @property
    def expects_oauth(self) -> bool:
        """Whether gradio opens the doors of signing in."""
        return offers_sign_in()

    @property
    def state_holder(self) -> Any:
        """The sessions; gradio hands them over at the launch."""
        return self._sessions

    @state_holder.setter
    def state_holder(self, holder: Any) -> None:
        holder.__class__ = LeanHolder
        self._sessions = holder

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *given: Any, **named: Any) -> Any:
        """Make the handler's arguments of what was sent. Raises gr.Error in words, without a traceback in the log."""
        try:
            return await super().preprocess_data(block_fn, _fill_in(block_fn, inputs), *given, **named)
        except gr.Error as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception as error:  # whatever gradio makes of a stranger's data
            log.info("What was sent could not be read: %s", first_line(error))
            raise gr.Error(UNREADABLE, print_exception=False) from None


def _fill_in(block_fn: Any, inputs: list[Any]) -> list[Any]:
    """What was sent, and the defaults of what may be left out at its end: an older program doesn't know of it."""
    if len(inputs) >= len(block_fn.inputs):
        return inputs
    rest = get_function_params(block_fn.fn)[len(inputs) :]
    optional = all(has_default for _, has_default, *_ in rest)
    return [*inputs, *(default for _, _, default, *_ in rest)] if optional else inputs
