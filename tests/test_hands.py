"""Hands in a run's folder, while it trains and after: what is true is said, and nothing false is read."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accidents import WEIGHTS, cut, drop, fill
from nursery import Nursery
from telling import raises, tells
from tiny import (
    give_to_process,
    import_task,
    kinds,
    losses,
    make_checkpoint,
    make_run,
    read_all,
    resume,
    train,
    wait_until,
    write_recipe,
)

from studio.errors import NotFoundError, WorkspaceError
from studio.launchers.launch import Launch
from studio.launchers.local import count_oom_kills
from studio.runs.event import EventWriter
from studio.runs.hold import is_held
from studio.runs.run import Run, find_run, list_runs
from studio.runs.status import Watch
from studio.service import Studio
from studio.works.worker import execute
from studio.workspace import Workspace

LONG = {"max_steps": 100_000, "save_every": 0, "evaluate_every": 0}


@pytest.fixture
def studio(workspace: Workspace, nursery: Nursery) -> Iterator[Studio]:
    """A studio whose line moves when `start_next` is called, with the task of sums."""
    import_task(workspace)
    yield Studio(workspace, nursery)
    for run in list_runs(workspace):
        launch = run.find_launch()
        if launch is not None and launch.is_alive() and launch.ticket["pid"] != os.getpid():
            os.kill(launch.ticket["pid"], signal.SIGKILL)


@pytest.fixture
def training(studio: Studio, tiny_model: Path) -> Iterator[Run]:
    """A run that trains until it is ended."""
    run = find_run(studio.workspace, studio.start_run(write_recipe(tiny_model, training=LONG)))
    assert studio.scheduler.start_next() is not None
    wait_until(lambda: studio.run_status(run.run_id).step > 2)
    launch = run.find_launch()
    assert launch is not None
    yield run
    if launch.is_alive():
        os.kill(launch.ticket["pid"], signal.SIGKILL)


def note_somebody(launch: Launch) -> str:
    """Return a note of a process that lives and has nothing to do with the run."""
    return json.dumps(launch.to_json() | {"pid": os.getpid()})


EDITS: dict[str, Callable[[Launch], str | None]] = {
    "deleted": lambda launch: None,
    "empty": lambda launch: "",
    "garbage": lambda launch: "\x00[{",
    "somebody else's": note_somebody,
    "nobody's": lambda launch: '{"pid": 4194304, "created": 1, "offset": 0}',
}


@pytest.mark.soon(2)
@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_whatever_is_noted_of_its_process_what_trains_is_running(
    studio: Studio, training: Run, tiny_model: Path, edit: Callable[[Launch], str | None]
) -> None:
    launch = training.find_launch()
    assert launch is not None
    training.process_file.unlink()
    if (text := edit(launch)) is not None:
        training.process_file.write_text(text)
    status = studio.run_status(training.run_id)
    assert status.status == "running" and Watch(training).look().status == "running" and training.is_alive()
    waiting = studio.start_run(write_recipe(tiny_model))
    studio.resume_run(training.run_id)
    assert studio.scheduler.start_next() is None, "a second one was started beside it"
    assert studio.run_status(waiting).status == "queued" and not training.resume_file.exists()
    studio.stop_run(training.run_id)
    stopped = wait_until(lambda: (now := studio.run_status(training.run_id)).status == "stopped" and now)
    assert stopped.checkpoints == [stopped.step]


@pytest.mark.long
def test_a_second_child_leaves_a_run_alone_that_is_trained(studio: Studio, training: Run) -> None:
    assert is_held(training.events_file)
    assert execute(studio.workspace, training) == 1
    assert kinds(training).count("started") == 1 and "failed" not in kinds(training)
    step = studio.run_status(training.run_id).step
    wait_until(lambda: studio.run_status(training.run_id).step > step)


def test_many_who_look_take_the_hold_from_nobody(workspace: Workspace) -> None:
    run, over = make_run(workspace), threading.Event()
    run.events_file.touch()

    def look() -> None:
        while not over.is_set():
            is_held(run.events_file)

    lookers = [threading.Thread(target=look) for _ in range(8)]
    for looker in lookers:
        looker.start()
    with EventWriter(run.events_file) as first, EventWriter(run.events_file) as second:
        assert first.take_hold() and is_held(run.events_file) and not second.take_hold()
    over.set()
    for looker in lookers:
        looker.join(timeout=120)
    assert not is_held(run.events_file)


def test_a_folder_that_is_deleted_while_it_trains_ends_the_training(
    studio: Studio, training: Run, tiny_model: Path
) -> None:
    launch = training.find_launch()
    assert launch is not None
    wait_until(lambda: shutil.rmtree(training.folder, ignore_errors=True) or not training.folder.exists())
    with pytest.raises(NotFoundError):
        studio.run_status(training.run_id)
    wait_until(lambda: not launch.is_alive())
    assert not training.folder.exists() and studio.list_runs() == []
    following = studio.start_run(write_recipe(tiny_model, training={"max_steps": 2}))
    studio.scheduler.start_next()
    wait_until(lambda: studio.run_status(following).status == "finished")


@pytest.mark.long
def test_a_folder_that_was_deleted_but_for_a_rest_ends_the_training_too(studio: Studio, training: Run) -> None:
    launch = training.find_launch()
    assert launch is not None
    for name in ("events.jsonl", "process.json", "recipe.json"):  # as when a deletion meets a checkpoint being written;
        (training.folder / name).unlink()  # the recipe is the last: without one the training ends at once, and says so
    wait_until(lambda: not launch.is_alive())
    assert tells(read_all(training)[-1]["error"], training.name)


@pytest.mark.soon(2)
@pytest.mark.parametrize(
    "hand",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: os.replace(shutil.copy(file, file.with_name("mine")), file),
        lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
        lambda file: file.write_bytes(file.read_bytes() + b"\x00\xff" * 5000 + b"x" * 1_000_000),
    ],
    ids=["deleted", "emptied", "replaced", "cut in half", "garbage"],
)
def test_events_that_are_edited_while_it_trains_are_followed_by_true_ones(
    studio: Studio, training: Run, hand: Callable[[Path], Any]
) -> None:
    studio.run_status(training.run_id)
    hand(training.events_file)
    step = studio.run_status(training.run_id).step
    after = wait_until(lambda: (now := studio.run_status(training.run_id)).step > step + 3 and now)
    assert after.status == "running" and Watch(training).look().status == "running"
    assert studio.run_events(training.run_id).events
    studio.stop_run(training.run_id)
    stopped = wait_until(lambda: (now := studio.run_status(training.run_id)).status == "stopped" and now)
    assert stopped.checkpoints == [stopped.step]


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "metrics", "at": 1, "step": "many", "of": {}}',
        '{"event": "metrics", "at": 1, "step": -5, "loss": 1e999}',
        '{"event": "metrics", "at": 1, "step": 1e400, "of": [1]}',
        '{"event": "started", "at": 1e308, "resumed_from": "x"}',
        '{"event": "evaluated", "at": 1, "held_out_loss": "low"}',
        '{"event": "counted", "at": 1, "trainable": [], "total": true}',
        '{"event": "failed", "at": 1, "step": null, "error": {"a": 1}, "remedy": 5}',
        '{"event": "died", "at": 1, "error": [], "remedy_changes": "everything"}',
        '{"event": "phase", "at": 1, "text": [1], "part": "x"}',
        '{"event": "sampled", "at": 1, "samples": 5}',
        '{"event": "finished", "at": 1' + "0" * 400 + "}",
    ],
)
def test_an_event_that_can_not_be_so_is_no_event(studio: Studio, line: str) -> None:
    run, other = make_run(studio.workspace), make_run(studio.workspace)
    give_to_process(run, os.getpid())
    with EventWriter(run.events_file) as events:
        events.append("started", resumed_from=None)
        events.append("metrics", step=3, of=9, loss=1.5)
        before = Watch(run).look()
    with open(run.events_file, "a") as file:
        file.write(line + "\n")
    assert Watch(run).look() == before
    assert {status.run_id for status in studio.list_runs()} == {run.run_id, other.run_id}
    assert len(studio.run_events(run.run_id).events) == 2


def test_events_that_can_not_be_read_are_that_runs_trouble_alone(studio: Studio) -> None:
    run, other = make_run(studio.workspace), make_run(studio.workspace)
    run.events_file.mkdir()
    status = {status.run_id: status for status in studio.list_runs()}
    assert status[run.run_id].status == "lost" and "Is a directory" in str(status[run.run_id].error)
    assert status[other.run_id].status == "queued"
    with pytest.raises(WorkspaceError, match="Is a directory"):
        studio.run_events(run.run_id)


def test_a_recipe_that_is_broken_while_it_trains_is_told_and_stops_nothing(studio: Studio, training: Run) -> None:
    (training.folder / "recipe.json").write_text('{"task_id": ')
    assert Watch(training).look().status == "running"
    other = Studio(studio.workspace)
    (status,) = other.list_runs()
    assert status.status == "running" and tells(status.error, training.name)
    other.stop_run(training.run_id)
    wait_until(lambda: other.run_status(training.run_id).status == "stopped")
    with raises(WorkspaceError, "recipe"):
        other.ask(training.run_id, "1 + 1")


# ---- checkpoints


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Run:
    """A run of eight steps with checkpoints at 4 and 8, to be copied."""
    workspace = Workspace(tmp_path_factory.mktemp("finished"))
    import_task(workspace)
    return train(workspace, write_recipe(tiny_model, training={"max_steps": 12, "evaluate_every": 0}))


@pytest.fixture
def copied(studio: Studio, finished: Run) -> Run:
    """A copy of it that was killed at step 11."""
    run = Run(shutil.copytree(finished.folder, studio.workspace.new_run_folder(), dirs_exist_ok=True))
    lines = run.events_file.read_text().splitlines(keepends=True)
    run.events_file.write_text("".join(line for line in lines if '"step": 12' not in line))
    shutil.rmtree(run.checkpoints_folder / "step-12")
    run.process_file.write_text('{"pid": 4194304, "created": 1, "offset": 0}')
    return run


OF_WEIGHTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut": (cut(WEIGHTS), WEIGHTS),
    "empty": (fill(WEIGHTS, b""), WEIGHTS),
    "zeros": (fill(WEIGHTS, bytes(5000)), WEIGHTS),
    "text": (fill(WEIGHTS, b"hello" * 50), WEIGHTS),
    "header": (fill(WEIGHTS, (2).to_bytes(8, "little") + b"[]"), WEIGHTS),
    "missing": (drop(WEIGHTS), "weights missing"),
    "config": (fill("adapter_config.json", b'{"r": '), "adapter_config.json is no JSON"),
}
OF_STATE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "optimizer cut": (cut("optimizer.pt"), "optimizer.pt"),
    "optimizer missing": (drop("optimizer.pt"), "optimizer.pt"),
    "dice missing": (drop("rng_state.pth"), "rng_state.pth"),
    "schedule text": (fill("scheduler.pt", b"text"), "scheduler.pt"),
    "scaler text": (fill("scaler.pt", b"text"), "scaler.pt"),
    "state cut": (cut("trainer_state.json"), "trainer_state.json"),
    "state list": (fill("trainer_state.json", b"[]"), "trainer_state.json"),
    "other step": (fill("trainer_state.json", b'{"global_step": 4}'), "trainer_state.json"),
}


@pytest.mark.soon(2)
@pytest.mark.parametrize(("hand", "words"), [*OF_WEIGHTS.values(), *OF_STATE.values()], ids=[*OF_WEIGHTS, *OF_STATE])
def test_what_goes_on_passes_over_a_damaged_checkpoint_and_says_so(
    studio: Studio, copied: Run, finished: Run, hand: Callable[[Path], Any], words: str
) -> None:
    hand(copied.checkpoints_folder / "step-8")
    events = resume(studio.workspace, copied)
    assert events[0]["resumed_from"] == 4 and events[-1]["event"] == "finished"
    note = studio.run_status(copied.run_id).note
    assert note is not None and tells(note, f"8 4 {words}")
    whole = losses(read_all(finished))
    assert losses(events) == {step: loss for step, loss in whole.items() if step > 4}
    assert copied.list_checkpoints() == [4, 8, 12]


def test_what_a_card_began_in_fp16_goes_on_elsewhere(studio: Studio, copied: Run) -> None:
    import torch

    torch.save(torch.amp.GradScaler("cpu").state_dict(), copied.checkpoints_folder / "step-8" / "scaler.pt")
    events = resume(studio.workspace, copied)
    assert events[0]["resumed_from"] == 8 and events[-1]["event"] == "finished"


@pytest.mark.parametrize(("hand", "words"), OF_WEIGHTS.values(), ids=list(OF_WEIGHTS))
def test_a_damaged_checkpoint_is_not_listed_and_not_answered_with(
    studio: Studio, copied: Run, hand: Callable[[Path], Any], words: str
) -> None:
    before = studio.ask(copied.run_id, "1 + 1", max_tokens=4, step=4)
    hand(copied.checkpoints_folder / "step-8")
    assert studio.run_status(copied.run_id).checkpoints == [4]
    with raises(NotFoundError, "8") as told:
        studio.ask(copied.run_id, "1 + 1", step=8)
    assert tells(told.value, f"8 4 {words}")
    answers = studio.ask(copied.run_id, "1 + 1", max_tokens=4)
    assert (answers.step, answers.tuned, answers.base) == (4, before.tuned, before.base)
    assert tells(answers.note, f"8 {words}")


@pytest.mark.long
def test_without_any_whole_checkpoint_it_begins_again_and_says_so(studio: Studio, copied: Run, finished: Run) -> None:
    for step in (4, 8):
        cut(WEIGHTS)(copied.checkpoints_folder / f"step-{step}")
    with pytest.raises(NotFoundError, match=r"has no whole checkpoint\. That of step 4 is damaged: .* Resume it, or"):
        studio.ask(copied.run_id, "1 + 1")
    assert not studio.run_status(copied.run_id).can_ask
    events = resume(studio.workspace, copied)
    assert events[0]["resumed_from"] is None and events[0]["note"]
    assert losses(events) == losses(read_all(finished)) and studio.run_status(copied.run_id).step == 12


def test_a_whole_model_with_a_missing_part_is_damaged(workspace: Workspace) -> None:
    run = make_run(workspace)
    folder = make_checkpoint(run, 5)
    assert run.list_checkpoints() == [5]
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": WEIGHTS, "b": "model-00002-of-00002.safetensors"}}))
    assert run.look_at_checkpoints() == {5: "model-00002-of-00002.safetensors is missing"}
    index.write_text("[]")
    assert list(found := run.look_at_checkpoints()) == [5] and tells(found[5], "model.safetensors.index.json JSON")
    index.write_text(json.dumps({"weight_map": {"a": WEIGHTS}}))
    assert run.list_checkpoints() == [5]


# ---- how a silent child is found out


def find_last(run: Run, nursery: Nursery) -> dict[str, Any]:
    """Kill the child of a run, let the line be looked at twice, and return the last event."""
    launch = run.find_launch()
    assert launch is not None
    os.kill(launch.ticket["pid"], signal.SIGKILL)
    wait_until(lambda: nursery.find_exit_code(launch.ticket["pid"]) is not None)
    return read_all(run)[-1]


def test_a_killed_child_is_told_once_with_what_is_known(studio: Studio, training: Run, nursery: Nursery) -> None:
    launch = training.find_launch()
    assert launch is not None
    find_last(training, nursery)
    lost = studio.run_status(training.run_id)
    assert lost.status == "lost" and lost.error is None
    for _ in range(3):
        studio.scheduler.start_next()
    status = Studio(studio.workspace).run_status(training.run_id)
    assert (status.status, status.step, status.can_resume) == ("lost", lost.step, True)
    assert tells(status.error, "SIGKILL") and status.remedy_changes is None
    assert kinds(training).count("died") == 1
    training.request_resume()
    waiting = studio.run_status(training.run_id)
    assert (waiting.status, waiting.error, waiting.remedy) == ("queued", None, None)


@pytest.mark.skipif(count_oom_kills() is None, reason="only Linux counts that")
def test_a_child_that_the_system_ended_for_lack_of_memory_is_told_with_the_patch(
    studio: Studio, training: Run, nursery: Nursery
) -> None:
    launch, kills = training.find_launch(), count_oom_kills()
    assert launch is not None and kills is not None and launch.ticket["oom_kills"] == kills
    training.process_file.write_text(json.dumps(launch.to_json() | {"oom_kills": kills - 1}))  # as if one came since
    find_last(training, nursery)
    studio.scheduler.start_next()
    status = studio.run_status(training.run_id)
    assert status.status == "lost" and tells(status.error, "memory")
    assert status.remedy_changes == {"training": {"batch_size": 2, "gradient_accumulation": 2}}


def test_a_restart_of_the_computer_is_told(studio: Studio, nursery: Nursery) -> None:
    run = make_run(studio.workspace)
    run.process_file.write_text(
        json.dumps({"pid": 1, "created": 1.0, "offset": 0, "born": "7@another-start", "oom_kills": 0})
    )
    studio.scheduler.start_next()
    status = studio.run_status(run.run_id)
    if Path("/proc/sys/kernel/random/boot_id").exists():
        assert tells(status.error, "computer")
    assert status.status == "lost" and status.remedy and status.can_resume


# ---- clocks


def test_a_clock_that_is_set_back_makes_no_time_run_backwards(workspace: Workspace) -> None:
    run = make_run(workspace)
    give_to_process(run, os.getpid())
    watch, seen = Watch(run), []
    for at, step in ((1000, 0), (1005, 1), (400, 2), (401, 3), (1003, 4), (1010, 5)):
        event = {"event": "metrics", "step": step, "of": 9} if step else {"event": "started"}
        with open(run.events_file, "a") as file:
            file.write(json.dumps({**event, "at": at}) + "\n")
        seen.append(watch.look().elapsed_seconds)
    assert seen == [0, 5, 5, 5, 5, 10]
    assert watch.look() == Watch(run).look()


def test_a_clock_that_is_set_back_lets_nobody_jump_the_line(studio: Studio) -> None:
    first = make_run(studio.workspace)
    ahead = first.folder.stat().st_mtime_ns + 3600 * 10**9
    os.utime(first.folder / "recipe.json", ns=(ahead, ahead))  # it came when the clock was an hour ahead
    second, third = make_run(studio.workspace), make_run(studio.workspace)
    places = {status.run_id: status.position for status in studio.list_runs()}
    assert [places[run.run_id] for run in (first, second, third)] == [1, 2, 3]
