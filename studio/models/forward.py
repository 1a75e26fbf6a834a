"""Calling a model with what its forward has a word for.

Not every architecture knows of positions, of caches, or of a head that reads only some places. Knows the signature of a
model's class and nothing else of it.
"""

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any


def call_model(model: Any, handed: Mapping[str, Any] | None = None, **inputs: Any) -> Any:
    """Return what a model answers, given those of the inputs that its architecture has a word for.

    What peft wraps around a model passes everything on, so the base's own class is asked. `handed` goes to a model that
    takes whatever words there are: it hands them on, layer by layer, down to its attention.
    """
    kind: Any = type(getattr(model, "get_base_model", lambda: model)())
    words = list_words(kind)
    more = handed if handed and takes_any(kind) else {}
    return model(**{name: value for name, value in inputs.items() if name in words}, **more)


@lru_cache
def takes_any(kind: Any) -> bool:
    """Whether the forward of a class of models takes words that it has no name for."""
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(kind.forward).parameters.values())


@lru_cache
def list_words(kind: Any) -> frozenset[str]:
    """Return the names of what the forward of a class of models takes."""
    return frozenset(inspect.signature(kind.forward).parameters)
