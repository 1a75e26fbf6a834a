"""The note of a run's last start: which launcher has it, the launcher's ticket, and how many events there were."""

from typing import Any, NamedTuple

from studio.errors import StudioError
from studio.launchers import LAUNCHERS
from studio.launchers.launcher import Launcher, Ticket


class Launch(NamedTuple):
    """Who was last given a run; `offset` is how many bytes of events there were then."""

    launcher: str
    ticket: Ticket
    offset: int

    def is_alive(self) -> bool:
        """Whether its child lives, as its launcher says; False where there is no such launcher any more."""
        place = self._find_place()
        return place is not None and place.is_alive(self.ticket)

    def end(self) -> None:
        """End its child, which listens to nobody."""
        place = self._find_place()
        if place is not None:
            place.end_child(self.ticket)

    def _find_place(self) -> type[Launcher] | None:
        try:
            return LAUNCHERS.find(self.launcher)
        except StudioError:
            return None

    def to_json(self) -> dict[str, Any]:
        """Return the note as it is in process.json."""
        return {"launcher": self.launcher, "offset": self.offset, **self.ticket}


def read_launch(noted: dict[str, Any]) -> Launch:
    """Return the note that a process.json holds; one without a launcher's name is of an older studio's process.

    Raises ValueError, KeyError, TypeError or OverflowError for anything else.
    """
    ticket = {name: value for name, value in noted.items() if name not in ("launcher", "offset")}
    return Launch(str(noted.get("launcher", "process")), ticket, int(noted["offset"]))
