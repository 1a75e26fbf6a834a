"""What was repaired, or could be: by name, with what was there and what is there now.

Knows no particular repair. Those that reading can't do without are noted by the readers; those that a person may choose
are in `repairs.py`. Nothing is ever repaired without one of these.
"""

from pydantic import BaseModel, ConfigDict

_SHOWN = 5
"""How many changes of one repair are kept to be shown."""
_LONGEST = 200
"""Characters of a text before and after."""


class Change(BaseModel):
    """One place, and what it was and became."""

    model_config = ConfigDict(frozen=True)

    place: str
    before: str
    after: str


class Repair(BaseModel):
    """A named repair: what it does in words, how often, and the first few changes as a preview."""

    model_config = ConfigDict(frozen=True)

    name: str
    words: str
    count: int
    changes: tuple[Change, ...] = ()


class Ledger:
    """Gathers repairs by name while they are made."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._changes: dict[tuple[str, str], list[Change]] = {}

    def add(self, name: str, words: str, place: str, before: str = "", after: str = "", count: int = 1) -> None:
        """Note one change."""
        key = (name, words)
        self._counts[key] = self._counts.get(key, 0) + count
        changes = self._changes.setdefault(key, [])
        if len(changes) < _SHOWN:
            changes.append(Change(place=place, before=before[:_LONGEST], after=after[:_LONGEST]))

    def repairs(self) -> tuple[Repair, ...]:
        """Return what was gathered."""
        return tuple(
            Repair(name=name, words=words, count=count, changes=tuple(self._changes[name, words]))
            for (name, words), count in self._counts.items()
        )
