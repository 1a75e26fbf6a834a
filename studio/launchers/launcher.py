"""Launcher: a place where runs are executed. The head of the family; one file each.

A launcher owns its devices, starts the child and says whether it lives. What it must remember of a child, its ticket,
is kept with the run, so that any studio on the workspace can ask. Knows nothing of recipes, events or statuses.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Protocol

from studio.models.device import DeviceFacts, find_device
from studio.plugins import Named
from studio.workspace import Workspace

WORKER = "studio.works.worker"
"""The child's module, whatever is to be done; it reads one line, ["workspace folder", "run id"], wherever it starts."""

Ticket = dict[str, Any]
"""What a launcher remembers of a child, as JSON values."""


class Job(Protocol):
    """What a launcher is given: a run's folder, as far as starting it needs it."""

    @property
    def run_id(self) -> str:
        """The name by which the child finds it in the workspace."""
        ...

    def save_launch(self, launcher: str, ticket: Ticket) -> None:
        """Note who has it now, before the child may begin. Raises WorkspaceError when the folder can't be written."""
        ...


class Traces(NamedTuple):
    """What can be known of a child that ended without a word; None and False where nothing can.

    `exit_code` as its parent sees it (-9: signal 9), `oom_kills` how many processes the system ended for lack of
    memory since it got the run, `restarted` whether the computer was.
    """

    exit_code: int | None = None
    oom_kills: int | None = None
    restarted: bool = False


class Launcher(ABC, Named):
    """A place where runs are executed."""

    summary: ClassVar[str]

    @abstractmethod
    def launch(self, workspace: Workspace, run: Job) -> None:
        """Start the child of `run`, its ticket saved first. Raises StudioError or OSError where that can't be."""

    @classmethod
    @abstractmethod
    def is_alive(cls, ticket: Ticket) -> bool:
        """Whether the child of a ticket lives; any studio may ask. False for a ticket that makes no sense."""

    @classmethod
    def end_child(cls, ticket: Ticket) -> None:
        """End the child of a ticket that listens to nobody, where this place can. What it kept stays."""

    def find_traces(self, ticket: Ticket) -> Traces:
        """Return what this place knows of a child that is dead."""
        return Traces()

    def count_free(self, active: int) -> int:
        """Return how many more runs have room here beside `active` ones. One at a time, unless a place has more."""
        return max(0, 1 - active)

    def find_device(self) -> DeviceFacts:
        """Return the device that a run gets here."""
        return find_device()

    def prepare(self) -> None:
        """Get ready for a run that will probably come soon."""

    def close(self) -> None:
        """Give back what was got ready; a child that trains goes on."""
