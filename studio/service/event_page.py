"""A page of a run's events, as a program reads them: where it ends, and how the run is doing."""

from typing import Any

from pydantic import BaseModel


class EventPage(BaseModel, frozen=True):
    """Events after a byte offset, the next offset, and the status of the run."""

    run_id: str
    offset: int
    events: list[dict[str, Any]]
    status: str
