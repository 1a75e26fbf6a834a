"""Why work ended early: what broke, in words, what a person can do, and the patch of the recipe that does it.

Two who know: the child says what it saw break; of a child that said nothing, the studio that finds it dead says what
its traces show and no more. Pure: knows exceptions and signals, no folders.
"""

import signal
from typing import Any

from studio.errors import StudioError, first_line
from studio.launchers.launcher import Traces
from studio.models.device import is_out_of_memory
from studio.recipes.smaller import Remedy

FULL_DISK = ("No space left on device", "os error 28", "inline_container.cc", "File too large", "os error 27")
UNKNOWN_RECIPE = Remedy("Lower the batch size or the longest example, or choose QLoRA (4-bit weights).")


def explain_failure(error: BaseException, lower: Remedy = UNKNOWN_RECIPE, doing: str = "training") -> dict[str, Any]:
    """Return error, remedy and remedy_changes of what a child saw break; `lower` helps where memory ran out."""
    if isinstance(error, StudioError):
        return _told(str(error))
    if is_out_of_memory(error):
        return _told("The device ran out of memory.", lower)
    if any(words in str(error) for words in FULL_DISK):
        return _told("The disk is full.", Remedy("Free some space, then resume the run."))
    if type(error).__name__ == "UnpicklingError":  # torch's own words advise to load it all the same
        return _told(
            "The checkpoint holds what is not numbers, so it was not loaded: loading it could run somebody's code.",
            Remedy("Delete the newest checkpoint and resume the run, or start it again."),
        )
    if isinstance(error, KeyboardInterrupt):
        return _told(
            f"The {doing} was interrupted from its terminal.", Remedy("Resume it: it goes on from what it kept.")
        )
    return _told(
        f"The {doing} broke: {type(error).__name__}: {first_line(error)}",
        Remedy("The run's output.log has the details."),
    )


def explain_end(
    traces: Traces, lower: Remedy = UNKNOWN_RECIPE, disk_full: bool = False, doing: str = "training"
) -> dict[str, Any]:
    """Return error, remedy and remedy_changes of a child that ended without a word.

    `lower` helps where memory ran out; `disk_full` says that not even a line fits.
    """
    resume = Remedy("Resume it: it goes on from what it kept.")
    if traces.restarted:
        return _told("The computer was restarted meanwhile.", resume)
    if disk_full:
        return _told(
            f"The {doing} process ended unexpectedly, and the disk is full.",
            Remedy("Free some space, then resume the run."),
        )
    if (traces.oom_kills or 0) > 0 and traces.exit_code in (None, -signal.SIGKILL):
        return _told(
            f"The {doing} process was ended, probably by the system: memory ran out meanwhile.",
            lower,
        )
    if traces.exit_code is not None and traces.exit_code < 0:
        return _told(f"The {doing} process was ended from outside ({_name(-traces.exit_code)}).", resume)
    if traces.exit_code:
        return _told(
            f"The {doing} process ended unexpectedly (exit status {traces.exit_code}).",
            Remedy("The run's output.log may have the details. Resume it: it goes on from what it kept."),
        )
    return _told(f"The {doing} process ended unexpectedly.", resume)


def _told(error: str, remedy: Remedy | None = None) -> dict[str, Any]:
    remedy = remedy or Remedy("")
    return {"error": error, "remedy": remedy.words, "remedy_changes": remedy.changes}


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
