"""The training child: the whole life of a run, on one screen.

    python -m studio.runs.worker        < one line: ["workspace folder", "run id"]

Started by a launcher in a session of its own, so closing the studio leaves it training. It alone writes the run's
events and checkpoints. It never imports the page, the chat or the scheduler. A child may be started before there is
a run for it: it imports its libraries in a thread while it waits for the line, and ends if none comes.
"""

import json
import os
import platform
import sys
import threading
import time
import traceback
from importlib.metadata import version
from pathlib import Path

from studio.errors import StudioError, first_line
from studio.models.device import is_out_of_memory
from studio.runs.event import EventWriter, read_events
from studio.runs.run import Run, find_run
from studio.workspace import Workspace


def main() -> int:
    """Wait for the line that names a run, and execute it. Returns 0 finished, stopped or not needed, 1 failed."""
    imports = threading.Thread(target=_import_libraries, daemon=True)
    imports.start()
    line = sys.stdin.readline().strip()
    if not line:
        os._exit(0)  # not needed: the imports need not be waited for
    workspace_folder, run_id = json.loads(line)
    workspace = Workspace(workspace_folder)
    run = find_run(workspace, run_id)
    _print_into(run.output_file)
    return execute(workspace, run)


def execute(workspace: Workspace, run: Run) -> int:
    """Execute a run in this process; every outcome ends in exactly one terminal event. Returns 0 or 1."""
    with EventWriter(run.events_file) as events:
        steps = run.list_checkpoints()
        events.step = max(steps, default=0)
        events.append(
            "started",
            pid=os.getpid(),
            attempt=_count_attempts(run) + 1,
            resumed_from=steps[-1] if steps else None,
            versions={name: version(name) for name in ("torch", "transformers", "peft", "bitsandbytes")},
            python=platform.python_version(),
        )
        return _train(workspace, run, events)


def _train(workspace: Workspace, run: Run, events: EventWriter) -> int:
    began = time.monotonic()
    try:
        events.append_phase(1)
        from studio.runs.session import train

        outcome = train(workspace, run, events)
        events.append(
            "finished" if outcome.finished else "stopped", step=outcome.step, seconds=round(time.monotonic() - began, 1)
        )
        return 0
    except BaseException as error:
        traceback.print_exc()
        events.append("failed", step=events.step, **explain_failure(error))
        return 1


def explain_failure(error: BaseException) -> dict[str, str]:
    """Return what went wrong and what a person can do about it, in words."""
    if isinstance(error, StudioError):
        return {"error": str(error), "remedy": ""}
    if is_out_of_memory(error):
        return {
            "error": "The device ran out of memory.",
            "remedy": "Lower the batch size or the longest example, or choose QLoRA (4-bit weights).",
        }
    if any(words in str(error) for words in _FULL_DISK):
        return {"error": "The disk is full.", "remedy": "Free some space, then resume the run."}
    if isinstance(error, KeyboardInterrupt):
        return {
            "error": "The training was interrupted from its terminal.",
            "remedy": "Resume it from its last checkpoint.",
        }
    return {
        "error": f"The training broke: {type(error).__name__}: {first_line(error)}",
        "remedy": "The run's output.log has the details.",
    }


_FULL_DISK = ("No space left on device", "os error 28", "inline_container.cc", "File too large", "os error 27")


def _import_libraries() -> None:
    import studio.runs.session  # noqa: F401


def _print_into(path: Path) -> None:
    """Let everything this process prints, from any library, go to a file."""
    sys.stdout.flush()
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _count_attempts(run: Run) -> int:
    offset = count = 0
    while True:
        page = read_events(run.events_file, offset)
        count += sum(event["event"] == "started" for event in page.events)
        if page.offset == offset:
            return count
        offset = page.offset


if __name__ == "__main__":
    sys.exit(main())
