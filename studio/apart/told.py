"""An error as plain values between two processes: its class by name, its words, and what its class says it carries.

Read, it is always a StudioError: a child that was taken over can choose which, and what it says, and nothing else.
"""

import traceback
from collections.abc import Iterator
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from studio.errors import InputError, StudioError

MOST_LETTERS = 10_000
"""Of an error's words."""


class BrokenWork(RuntimeError):
    """A bug of the studio, seen by a child; its text is the child's traceback."""


def write_error(error: StudioError) -> dict[str, Any]:
    """Return an error in words as plain values."""
    forms = _find_forms(type(error))
    carried = {name: form.dump_python(getattr(error, name), mode="json") for name, form in forms.items()}
    return {"class": type(error).__name__, "words": str(error)[:MOST_LETTERS], "carried": carried}


def read_error(plain: dict[str, Any]) -> StudioError:
    """Return the error that `write_error` wrote. Raises whatever values of other types make their reader raise."""
    words, name = TypeAdapter(str).validate_python(plain["words"]), plain["class"]
    kinds: list[type[StudioError]] = [one for one in _list_kinds(StudioError) if one.__name__ == name]
    kind = kinds[0] if kinds else InputError
    error = kind.__new__(kind)
    error.args = (words[:MOST_LETTERS],)
    forms = _find_forms(kind).items()
    vars(error).update({key: form.validate_python(plain["carried"].get(key)) for key, form in forms})
    return error


def describe_bug(error: Exception) -> str:
    """Return what the log should hold of a bug."""
    return "".join(traceback.format_exception(error))[-MOST_LETTERS:]


def _list_kinds(kind: type[StudioError]) -> Iterator[type[StudioError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _list_kinds(one)


def _find_forms(kind: type[StudioError]) -> dict[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(hint) for name, hint in get_type_hints(kind).items()}
