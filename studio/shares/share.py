"""One visitor's share of a studio, as the studio asks for it: may this be made, may it take so long."""

import os

from studio.estimates.estimate import Estimate
from studio.guard.crowd import Crowd
from studio.queueing.scheduler import Scheduler
from studio.shares.quota import Thing, check_share, is_nearly_full, read_quota
from studio.shares.time import TurnKeeper, check_budget, read_time
from studio.visitor import Visitor
from studio.workspace import Workspace


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

    def make_crowd(self) -> Crowd | None:
        """Return what bounds the questions and uploads of each asker; None where everything is allowed."""
        if not self.shared:
            return None
        return Crowd(self.quota.bytes // 4, lambda: is_nearly_full(self.workspace, self.quota))

    def check_time(self, cost: Estimate) -> None:
        """Raise InputError for a run that takes longer than one may."""
        check_budget(cost.seconds, cost.steps, self.time.run_seconds)
