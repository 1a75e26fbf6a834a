"""The child: the whole life of a run, on one screen.

    python -m studio.works.worker        < one line: ["workspace folder", "run id"]

Started by a launcher in a session of its own, so closing the studio leaves it working. It alone writes the run's events
and results. What it does is its kind's: this file never asks. It never imports the page, the chat or the scheduler. A
child may be started before there is a run for it: it imports its libraries in a thread while it waits for the line, and
ends if none comes.
"""

import importlib
import json
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from studio.models.energy import find_meter
from studio.models.libraries import import_libraries
from studio.runs.ending import explain_failure
from studio.runs.event import EventWriter, Started, read_events
from studio.runs.run import Run, find_run
from studio.works import WORKS, Work, find_kind
from studio.works.work import Outcome
from studio.workspace import Workspace

_IMPORTS = threading.Lock()


def main() -> int:
    """Wait for the line that names a run, and execute it. Returns 0 finished, stopped or not needed, 1 failed."""
    imports = threading.Thread(target=_import_all, daemon=True)
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
        if not events.take_hold():
            print(f"Another process works on the run {run.name} already; this one leaves it alone.", file=sys.stderr)
            return 1
        events.draw = find_meter().read
        try:
            kind = find_kind(run)
        except Exception as error:  # of a newer studio, or damaged
            events.append("failed", step=0, **explain_failure(error))
            return 1
        resumable = kind.find_resumable(run)
        events.step = resumable.step
        events.append(
            "started",
            pid=os.getpid(),
            attempt=_count_attempts(run) + 1,
            resumed_from=resumable.step or None,
            note=resumable.note or None,
            versions={name: version(name) for name in ("torch", "transformers", "peft", "bitsandbytes")},
            python=platform.python_version(),
        )
        return _do(kind, workspace, run, events)


def _do(kind: type[Work], workspace: Workspace, run: Run, events: EventWriter) -> int:
    began = time.monotonic()
    try:
        events.append_phase(1, kind.phases)
        outcome: Outcome = _import_entry(kind)(workspace, run, events)
        events.append(
            "finished" if outcome.finished else "stopped", step=outcome.step, seconds=round(time.monotonic() - began, 1)
        )
        return 0
    except BaseException as error:
        traceback.print_exc()
        kind.clear_leavings(run)
        told = explain_failure(error, kind.lower_memory(run, not events.took_a_step), kind.doing)
        events.append("failed", step=events.step, **told)
        return 1


def _import_entry(kind: type[Work]) -> Callable[[Workspace, Run, EventWriter], Outcome]:
    """Return where a kind of work begins. One thread imports at a time: two that ask transformers break each other."""
    module, _, name = kind.enters.partition(":")
    with _IMPORTS:
        import_libraries()
        entry: Callable[[Workspace, Run, EventWriter], Outcome] = getattr(importlib.import_module(module), name)
    return entry


def _import_all() -> None:
    for kind in WORKS.members.values():
        _import_entry(kind)


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
        count += sum(isinstance(event, Started) for event in page.events)
        if page.offset == offset:
            return count
        offset = page.offset


if __name__ == "__main__":
    sys.exit(main())
