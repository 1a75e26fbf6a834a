"""A job: one kind of work on foreign things, a function whose annotations say what it is given and what it answers.

Both travel as plain JSON values between two processes. Whoever did the work may have been taken over by what it worked
on, so nothing that comes back is believed: what isn't of the annotated type is refused, and none of it is code.
"""

import functools
import importlib
import json
from collections.abc import Callable
from inspect import signature
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints

from pydantic import TypeAdapter

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Job(Generic[Given, Answer]):
    """One kind of work; called, it is done here. A `long` one may take longer, and few are done at once."""

    def __init__(self, work: Callable[Given, Answer], long: bool = False) -> None:
        functools.update_wrapper(self, work)
        self.work, self.long = work, long
        self.name = f"{work.__module__}:{work.__qualname__}"

    def __call__(self, *given: Given.args, **named: Given.kwargs) -> Answer:
        """Do the work in this process."""
        return self.work(*given, **named)

    def write_given(self, *given: Given.args, **named: Given.kwargs) -> dict[str, Any]:
        """Return what the work is given as plain values by name."""
        bound = signature(self.work).bind(*given, **named)
        bound.apply_defaults()
        return {name: self._forms[name].dump_python(value, mode="json") for name, value in bound.arguments.items()}

    def read_given(self, plain: dict[str, Any]) -> dict[str, Any]:
        """Return what `write_given` wrote."""
        return {name: self._forms[name].validate_python(value) for name, value in plain.items()}

    def write_answer(self, answer: Any) -> Any:
        """Return what came of the work as plain values."""
        return self._forms["return"].dump_python(answer, mode="json")

    def read_answer(self, plain: Any) -> Answer:
        """Return what came of the work. Raises whatever a value that isn't of its type makes its reader raise."""
        return self._forms["return"].validate_python(plain)

    @functools.cached_property
    def _forms(self) -> dict[str, TypeAdapter[Any]]:
        return {name: TypeAdapter(kind) for name, kind in get_type_hints(self.work, include_extras=True).items()}


def job(work: Callable[Given, Answer]) -> Job[Given, Answer]:
    """Make a function a job."""
    return Job(work)


def long_job(work: Callable[Given, Answer]) -> Job[Given, Answer]:
    """Make a function a job that may take longer."""
    return Job(work, long=True)


def find_job(name: str) -> Job[Any, Any]:
    """Return the job that its parent named. Raises TypeError for what is none."""
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)
    if not isinstance(found, Job):
        raise TypeError(f"{name} is no job")
    return found


def write_plain(value: Any) -> bytes:
    """Return plain values as bytes; half letters are kept, which a foreign file may hold."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read_plain(data: bytes) -> Any:
    """Return the plain values of bytes. Raises ValueError, or RecursionError where they are nested too deep."""
    return json.loads(data.decode("utf-8", "surrogatepass"))
