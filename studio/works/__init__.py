"""What occupies the device, one kind a file. The head of the family is `work.Work`; adding a kind is adding one file.

Each kind waits in the one queue, runs in a child, tells its progress as events, is stopped, goes on and is deleted
alike. A run's folder says its kind.
"""

from studio.plugins import Family
from studio.runs.run import Run
from studio.works.work import Work

WORKS: Family[Work] = Family(Work, __name__, "kind of work")


def find_kind(run: Run) -> type[Work]:
    """Return the kind of a run. Raises RecipeError where this studio has no such kind."""
    return WORKS.find(run.kind)


def load_work(run: Run) -> Work:
    """Return what a run is asked to do. Raises StudioError in words."""
    return find_kind(run).load(run)


__all__ = ["WORKS", "Work", "find_kind", "load_work"]
