"""Server functions: what a custom component's script asks of the server, without queue and without raising.

Anyone may call one with any data, so each gets the studio as its visitor sees it, takes its parts through `part`, and
answers {"error": words} where another function would raise: the browser shows the words where the click was.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

from studio.errors import InputError, NotFoundError
from studio.service import Studio
from studio.ui.frame.handler import say
from studio.ui.frame.visiting import Asking, seen_by

Act = Callable[..., dict[str, Any]]
"""Takes the studio as its visitor sees it and what the browser sent; bound, the latter alone, and gradio's request."""
Part = TypeVar("Part")


def bind_act(studio: Studio, act: Act) -> Act:
    """Make a server function that never raises. `gone` says that the thing asked about is not there (any more).

    An act with a parameter `request` is also told whose question it is.
    """
    told = "request" in signature(act).parameters

    def answer(asked: Any, request: Asking = None) -> dict[str, Any]:
        try:
            visit = seen_by(studio, request)
            return act(visit, asked, request=request) if told else act(visit, asked)
        except BaseException as error:  # the last line of defence: no traceback reaches a visitor
            return {"error": say(error), "gone": isinstance(error, NotFoundError)}

    answer.__name__, answer.__doc__ = act.__name__, act.__doc__
    return answer


def bind_acts(studio: Studio, *acts: Act) -> list[Act]:
    """Make server functions of several."""
    return [bind_act(studio, act) for act in acts]


def part(asked: Any, name: str, kind: type[Part]) -> Part:
    """Return one part of what the browser sent. Raises InputError unless it is there and of its kind."""
    value = asked.get(name) if isinstance(asked, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"The page's question lacks {name!r}. Reload the page and try again.", field=name)
    return value
