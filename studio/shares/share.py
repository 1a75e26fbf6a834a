"""One visitor's share of a studio, as the studio asks for it: may this be made, may it take so long."""

import logging
import os
from collections.abc import Callable

from studio.errors import StudioError, first_line
from studio.estimates.estimate import Estimate
from studio.guard.crowd import Crowd
from studio.queueing.scheduler import Scheduler
from studio.shares.quota import Thing, check_disk, check_share, is_nearly_full, read_quota
from studio.shares.time import TurnKeeper, check_budget, read_time
from studio.visitor import Visitor
from studio.workspace import Workspace

LOG = logging.getLogger(__name__)


class Shares:
    """What the environment says that each visitor of a shared studio may take; in another one everything is allowed."""

    def __init__(self, workspace: Workspace, scheduler: Scheduler, shared: bool) -> None:
        self.workspace, self.shared = workspace, shared
        self.quota, self.time = read_quota(os.environ), read_time(os.environ)
        self.keeper = TurnKeeper(workspace, scheduler, self.time.turn_seconds)

    def open(self) -> None:
        """Begin to end turns that are over."""
        if self.shared:
            self.keeper.open()

    def check(self, visitor: Visitor, thing: Thing) -> int | None:
        """Return how many bytes a visitor may still fill. Raises InputError where enough of a thing is there."""
        return check_share(self.workspace, visitor, self.quota, thing)

    def check_disk(self) -> None:
        """Raise WorkspaceError where a shared studio's disk has no room for what is only handed out."""
        if self.shared:
            check_disk(self.workspace, self.quota)

    def make_crowd(self) -> Crowd | None:
        """Return what bounds the questions and uploads of each asker; None where everything is allowed."""
        if not self.shared:
            return None
        return Crowd(self.quota.bytes // 4, lambda: is_nearly_full(self.workspace, self.quota))

    def check_time(self, weigh: Callable[[], Estimate], measure: Callable[[Estimate], object]) -> None:
        """Raise InputError for a run that takes longer than one may.

        One whose time isn't known yet is timed first, as `measure` does, for a few steps. Raises DeviceError where that
        must wait.
        """
        if not self.shared or self.time.untimed:
            return
        cost = weigh()
        if cost.seconds is None:
            _try(measure, cost)
            cost = weigh()
        check_budget(cost.seconds, cost.steps, self.time.run_seconds)


def _try(measure: Callable[[Estimate], object], cost: Estimate) -> None:
    try:
        measure(cost)
    except StudioError:
        raise
    except Exception as error:  # a library's complaint about a strange model: then its time stays unknown
        LOG.warning("How fast it trains here could not be measured: %s", first_line(error))
