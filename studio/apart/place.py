"""Where work on foreign things is done: here, or apart. The page has a pool of children; notebooks do it here."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Answer = TypeVar("Answer")


class Place(Protocol):
    """Does a piece of work for somebody; raises what the work raises, or InputError in words past a limit."""

    def run(self, who: str, work: Callable[..., Answer], *given: Any) -> Answer:
        """Return what `work(*given)` returns. `work` is a function of a module, and all of it can be pickled."""
        ...

    def close(self) -> None:
        """Give back what waits."""


class Here:
    """This very process, without limits."""

    def run(self, who: str, work: Callable[..., Answer], *given: Any) -> Answer:
        """Do the work."""
        return work(*given)

    def close(self) -> None:
        """Nothing waits."""
