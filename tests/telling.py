"""What a message tells, and not how it says it: the class of an error, its field, and the facts in its words.

A fact is a value that was given, a bound, a number, a name, a file: what a person needs to know. The sentences
themselves are in one place, `tests/golden/`, so that they can be edited without a test that minds.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import TypeVar

import pytest

Raised = TypeVar("Raised", bound=BaseException)
Facts = str | tuple[str, ...]
"""One text of facts with blanks between them, or a tuple of facts that may hold blanks."""
_ANY = "any field"


def tells(text: object, facts: Facts) -> bool:
    """Whether a text names every one of the facts, whole, in any order and with any words around them."""
    told = unescape(str(text))
    return all(_find(fact, told) for fact in (facts.split() if isinstance(facts, str) else facts))


def _find(fact: str, text: str) -> bool:
    """Whether a fact is in a text: not 1 in 16, nor in 1,000."""
    before = r"(?<!\w)(?<!\d[.,])" if fact[:1].isalnum() else ""
    after = r"(?!\w|[.,]\d)" if fact[-1:].isalnum() else ""
    return bool(re.search(before + re.escape(fact) + after, text, re.IGNORECASE))


@contextmanager
def raises(
    kind: type[Raised] | tuple[type[Raised], ...], facts: Facts = "", *, field: str | None = _ANY
) -> Iterator[pytest.ExceptionInfo[Raised]]:
    """Check that an error of this kind is raised, at this field or place in a file, and tells the facts."""
    with pytest.raises(kind) as raised:
        yield raised
    assert tells(raised.value, facts), f"{str(raised.value)!r} doesn't tell {facts!r}"
    if field is not _ANY:
        assert getattr(raised.value, "field", None) == field
