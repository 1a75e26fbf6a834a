"""Server functions: what a custom component's script asks of the server, without queue and without raising.

Anyone may call one with any data, so each takes its parts through `part`, and each answers {"error": words} where
another function would raise: the browser shows the words where the click was.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from studio.errors import InputError, NotFoundError
from studio.ui.handler import say

Act = Callable[[Any], dict[str, Any]]
Part = TypeVar("Part")


def answer_in_words(act: Act) -> Act:
    """Make a server function that never raises. `gone` says that the thing asked about is not there (any more)."""

    @wraps(act)
    def answer(asked: Any) -> dict[str, Any]:
        try:
            return act(asked)
        except Exception as error:  # the last line of defence: no traceback reaches a visitor
            return {"error": say(error), "gone": isinstance(error, NotFoundError)}

    return answer


def part(asked: Any, name: str, kind: type[Part]) -> Part:
    """Return one part of what the browser sent. Raises InputError unless it is there and of its kind."""
    value = asked.get(name) if isinstance(asked, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"The page's question lacks {name!r}. Reload the page and try again.", field=name)
    return value
