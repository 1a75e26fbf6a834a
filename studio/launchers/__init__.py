"""Where a run is executed. The head of the family is `launcher.Launcher`; adding a place is adding one file here.

Lies below the runs: a launcher is given a job, starts the child by its module's name, and is asked whether it lives.
"""

from studio.launchers.launcher import Launcher
from studio.plugins import Registry

LAUNCHERS: Registry[Launcher] = Registry(Launcher, __name__, "launcher")

__all__ = ["LAUNCHERS", "Launcher"]
