"""What is true of a run is folded from its events and from whether its process lives, and from nothing else."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from telling import tells
from tiny import end_sleeper, give_to_process, make_checkpoint, make_run, start_sleeper

from studio import journal
from studio.reports.told import tell_seconds
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.runs.status import RunStatus, Watch, created_at
from studio.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """A run that waits."""
    return make_run(workspace)


@pytest.fixture(scope="module")
def living() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives."""
    sleeper = start_sleeper()
    yield sleeper
    end_sleeper(sleeper)


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that lived once."""
    sleeper = start_sleeper()
    end_sleeper(sleeper)
    return sleeper.pid


def write(run: Run, *events: Any) -> None:
    """Append events: names, or (name, values)."""
    with EventWriter(run.events_file) as file:
        for each in events:
            name, values = (each, {}) if isinstance(each, str) else each
            file.append(name, **values)


def look(run: Run) -> RunStatus:
    """Return the status, as somebody sees it who has just come."""
    return Watch(run).look()


def step(number: int, **more: Any) -> tuple[str, dict[str, Any]]:
    """A metrics event."""
    return ("metrics", {"step": number, "of": 10, "loss": 2 - number / 10, "seconds_left": 10 - number, **more})


STARTED = ("started", {"pid": 1, "resumed_from": None})
PHASE = ("phase", {"text": "Loading a model", "part": 2, "parts": 4})
COUNTED = ("counted", {"trainable": 5, "total": 100})


@pytest.mark.parametrize(
    ("events", "alive", "dead_or_none"),
    [
        ([], "starting", "lost"),
        ([STARTED], "starting", "lost"),
        ([STARTED, PHASE], "starting", "lost"),
        ([STARTED, PHASE, COUNTED], "starting", "lost"),
        ([STARTED, PHASE, step(1)], "running", "lost"),
        ([STARTED, PHASE, step(1), ("saved", {"step": 1})], "running", "lost"),
        ([STARTED, step(10), ("finished", {"step": 10})], "finished", "finished"),
        ([STARTED, step(4), ("stopped", {"step": 4})], "stopped", "stopped"),
        ([STARTED, ("failed", {"error": "It broke."})], "failed", "failed"),
        ([STARTED, step(4), ("stopped", {"step": 4}), ("started", {"resumed_from": 4})], "starting", "lost"),
        ([STARTED, step(4), ("stopped", {}), ("started", {"resumed_from": 4}), PHASE, step(5)], "running", "lost"),
    ],
)
def test_the_status_of_a_launched_run(
    run: Run, living: subprocess.Popen[bytes], dead: int, events: list[Any], alive: str, dead_or_none: str
) -> None:
    give_to_process(run, living.pid)
    write(run, *events)
    assert look(run).status == alive
    noted = json.loads(run.process_file.read_text())
    run.process_file.write_text(json.dumps(noted | {"pid": dead}))
    assert look(run).status == dead_or_none


def test_a_run_that_was_never_launched_waits(run: Run) -> None:
    status = look(run)
    assert (status.status, status.step, status.phase, status.loss) == ("queued", 0, None, None)
    assert status.can_stop and not status.can_resume and not status.can_ask
    write(run, ("stopped", {"step": 0}))
    assert look(run).status == "stopped"


def test_what_is_known_while_it_trains(run: Run, living: subprocess.Popen[bytes]) -> None:
    give_to_process(run, living.pid)
    write(run, STARTED, PHASE)
    assert look(run).phase == "Loading a model: 2 of 4"
    write(run, COUNTED, step(3, examples_per_second=7.5), ("evaluated", {"step": 3, "held_out_loss": 1.5}))
    make_checkpoint(run, 3)
    status = look(run)
    assert (status.step, status.of, status.loss, status.seconds_left) == (3, 10, 1.7, 7)
    assert (status.trainable, status.total, status.examples_per_second) == (5, 100, 7.5)
    assert status.phase is None and status.checkpoints == [3] and status.can_ask and status.can_stop
    assert status.elapsed_seconds is not None and 0 <= status.elapsed_seconds < 60


@pytest.mark.parametrize("name", ["loss", "held_out_loss"])
def test_what_was_measured_last_is_known_by_its_name(run: Run, name: str) -> None:
    """The validation loss had another name in the events of an older studio, and programs know it by that."""
    write(run, STARTED, step(1, measures={"margin": 0.5}), ("evaluated", {"step": 1, name: 1.5, "measures": {"m": 2}}))
    status = look(run)
    assert status.measures == {"loss": 1.9, "margin": 0.5} and status.validation == {"loss": 1.5, "m": 2}
    assert (status.loss, status.validation_loss) == (1.9, 1.5)
    assert (status.held_out, status.held_out_loss) == (status.validation, status.validation_loss)
    write(run, ("evaluated", {"step": 2, name: None}))
    assert look(run).validation_loss is None


def test_what_ended_has_no_time_left(run: Run, dead: int) -> None:
    write(run, STARTED, step(4), PHASE, ("failed", {"error": "It broke.", "remedy": "Fix it."}))
    status = look(run)
    assert (status.status, status.step, status.error, status.remedy) == ("failed", 4, "It broke.", "Fix it.")
    assert status.seconds_left is None and status.phase is None and status.finished_at is not None
    assert status.can_resume and not status.can_stop


def test_only_what_ended_early_can_go_on(run: Run) -> None:
    write(run, STARTED, step(10), ("finished", {"step": 10}))
    assert not look(run).can_resume
    write(run, ("started", {}), step(10), ("stopped", {"step": 10}))
    assert not look(run).can_resume
    write(run, ("started", {}), step(9), ("stopped", {"step": 9}))
    assert look(run).can_resume


def test_a_resumed_run_waits_then_starts_then_trains(run: Run, living: subprocess.Popen[bytes], dead: int) -> None:
    run.process_file.write_text(json.dumps({"pid": dead, "created": 1, "offset": 0}))
    write(run, STARTED, step(4), ("failed", {"step": 4, "error": "It broke."}))
    watch = Watch(run)
    assert watch.look().status == "failed"
    run.request_resume()
    waiting = watch.look()
    assert (waiting.status, waiting.step, waiting.error, waiting.finished_at) == ("queued", 4, None, None)
    assert waiting.queued_at is not None and waiting.queued_at > created_at(run.folder)
    give_to_process(run, living.pid)
    assert watch.look().status == "starting"
    write(run, ("started", {"resumed_from": 2}))
    status = watch.look()
    assert (status.status, status.step, status.phase, status.seconds_left) == ("starting", 2, "Starting", None)
    write(run, PHASE, step(3))
    assert (watch.look().status, watch.look().step) == ("running", 3)


def test_what_the_base_forgot_is_not_told_as_the_runs(run: Run) -> None:
    told = {"part": "general", "value": 0.0, "n": 4}
    write(run, STARTED, ("scored", {"step": 0, "model": "base", **told}), step(9))
    assert look(run).forgetting is None and look(run).measures_itself
    write(run, ("scored", {"step": 9, **told, "value": 0.25}))
    assert look(run).forgetting == 0.25


def test_a_run_cost_what_all_its_attempts_took(run: Run) -> None:
    told = [("started", 100), ("metrics", 103), ("saved", 104), ("started", 900), ("stopped", 907.5), ("started", 2000)]
    with open(run.events_file, "w") as file:
        file.writelines(json.dumps({"event": event, "at": at, "step": 1}) + "\n" for event, at in told)
    assert look(run).attempt_seconds == [4, 7.5, 0] and look(run).elapsed_seconds == 11.5
    assert tells(tell_seconds(look(run)), "12 3 4 8 0")
    again = Watch(run)
    assert again.look() == again.look() == look(run)
    run.events_file.write_text("")
    assert look(run).elapsed_seconds is None and again.look().elapsed_seconds is None


def test_a_resumed_run_whose_child_dies_at_once_is_lost_and_not_what_it_was(run: Run, dead: int) -> None:
    write(run, STARTED, step(4), ("stopped", {"step": 4}))
    give_to_process(run, os.getpid())
    noted = json.loads(run.process_file.read_text())
    run.process_file.write_text(json.dumps(noted | {"pid": dead}))
    status = look(run)
    assert status.status == "lost" and status.can_resume


def test_a_finished_run_that_was_copied_is_still_finished(run: Run, dead: int) -> None:
    run.process_file.write_text(json.dumps({"pid": dead, "created": 1, "offset": 0}))
    write(run, STARTED, step(10), ("finished", {"step": 10}))
    os.utime(run.process_file)  # what `cp -r` does
    assert look(run).status == "finished"


def test_a_run_that_ends_while_it_is_looked_at_is_not_called_lost(
    run: Run, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child writes its last event after the file was read and before its process is looked for."""
    run.process_file.write_text(json.dumps({"pid": dead, "created": 1, "offset": 0}))
    write(run, STARTED, step(9))
    find: Callable[[Run], Any] = Run.find_launch

    def end_first(self: Run) -> Any:
        if self.events_file.read_text().count("finished") == 0:
            write(self, ("finished", {"step": 10}))
        return find(self)

    monkeypatch.setattr(Run, "find_launch", end_first)
    status = look(run)
    assert (status.status, status.step) == ("finished", 10)


def look_while(act: Callable[[], None], run: Run, moment: int) -> tuple[str, bool]:
    """The status that a look gives while something is done between its calls number `moment` and the next, and whether
    it makes so many calls."""
    watch, calls = Watch(run), 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        if event in ("call", "c_return"):
            calls += 1
            if calls == moment:
                sys.setprofile(None)
                act()

    sys.setprofile(count)
    try:
        status = watch.look()
    finally:
        sys.setprofile(None)
    return status.status, calls >= moment


@pytest.mark.parametrize("case", ["first", "resumed"])
def test_a_run_that_is_started_while_it_is_looked_at_is_not_called_lost(
    run: Run, living: subprocess.Popen[bytes], dead: int, case: str
) -> None:
    """At every moment of the look; `python -m studio train` gave such a run up."""
    seen, moment, there = set(), 0, True
    while there:
        moment += 1
        run.process_file.unlink(missing_ok=True)
        if case == "resumed":
            run.process_file.write_text(json.dumps({"pid": dead, "created": 1, "offset": 0}))
            run.events_file.unlink(missing_ok=True)
            write(run, ("started", {"resumed_from": None}), step(1), ("stopped", {"step": 1}))
            run.request_resume()
        status, there = look_while(lambda: give_to_process(run, living.pid), run, moment)
        seen.add(status)
    assert moment > 20 and seen == {"queued", "starting"}


def test_a_watch_follows_and_agrees_with_a_newcomer(run: Run, living: subprocess.Popen[bytes]) -> None:
    give_to_process(run, living.pid)
    watch = Watch(run)
    for number in range(1, 6):
        write(run, *([STARTED, PHASE] if number == 1 else []), step(number))
        assert watch.look() == look(run)
        assert watch.look().step == number


def test_a_file_that_shrank_is_folded_again(run: Run) -> None:
    watch = Watch(run)
    write(run, STARTED, *map(step, range(1, 10)), ("stopped", {"step": 9}))
    assert watch.look().step == 9
    run.events_file.unlink()
    assert (watch.look().status, watch.look().step) == ("queued", 0)
    write(run, STARTED, step(1), ("stopped", {"step": 1}))
    assert watch.look().step == 1


def test_the_second_look_at_a_hundred_thousand_events_reads_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"event": "metrics", "at": 1.0, "step": 7, "of": 10}) + "\n"
    run.events_file.write_text(line * 100_000)
    taken: list[int] = []

    def open_counting(path: Path, mode: str) -> Any:
        class Counting(io.FileIO):
            def read(self, most: int = -1) -> bytes:
                data = super().read(most)
                taken.append(len(data))
                return data

        return Counting(path, mode.replace("b", ""))

    monkeypatch.setattr(journal, "open", open_counting, raising=False)
    watch = Watch(run)
    assert watch.look().step == 7
    assert 0 <= sum(taken) - len(line) * 100_000 < 1000  # the half lines at the ends of pages
    taken.clear()
    assert watch.look().step == 7
    assert sum(taken) == 0
    write(run, ("stopped", {"step": 8}))
    assert watch.look().step == 8
    assert 0 < sum(taken) < 200


def test_many_may_look_at_once(run: Run) -> None:
    watch = Watch(run)
    seen: list[RunStatus] = []
    lookers = [threading.Thread(target=lambda: seen.extend(watch.look() for _ in range(30))) for _ in range(8)]
    for looker in lookers:
        looker.start()
    write(run, STARTED, *map(step, range(1, 200)), ("stopped", {"step": 199}))
    for looker in lookers:
        looker.join(timeout=120)
    assert len(seen) == 240
    assert watch.look() == look(run)


def test_when_a_run_was_made_stands_in_its_name(workspace: Workspace, tmp_path: Path) -> None:
    assert abs(created_at(make_run(workspace).folder) - tmp_path.stat().st_mtime) < 60
    odd = workspace.runs / "copy-of-mine"
    odd.mkdir()
    assert created_at(odd) == odd.stat().st_ctime
    assert created_at(workspace.runs / "gone") == 0
