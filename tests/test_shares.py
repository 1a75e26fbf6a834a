"""What one visitor of a shared studio may take: disk, time at a stretch, time in all; and its operator."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from telling import raises
from tiny import WritingLauncher, make_run, wait_until, write_task

from studio import __main__ as command_line
from studio.errors import DeviceError, InputError, StudioError, TaskError
from studio.launchers.inline import InlineLauncher
from studio.launchers.local import LocalLauncher, note_process
from studio.runs.run import find_run
from studio.runs.status import RunStatus
from studio.service import Studio, waiting
from studio.service.operator import Operator
from studio.shares.quota import GB, Quota, check_share, count_held, read_quota
from studio.shares.time import Time, check_budget, find_overdue, forget_mark, is_marked, read_time
from studio.shares.uploads import Uploads, drop_halves
from studio.visitor import THE_ONE, Visitor, find_owner_file, read_visitor
from studio.works import WORKS
from studio.works.export import Export
from studio.works.measure import Measure
from studio.works.merge import Merge, Parent
from studio.works.score import Score
from studio.works.training import Training
from studio.workspace import Workspace

ROOT = Path(__file__).parents[1]
ANNA, BEN = "anna" * 8, "ben_" * 8


def make_owned(workspace: Workspace, token: str, size: int = 0) -> Any:
    """Make a run of a visitor that waits, with a file of this size."""
    run = make_run(workspace)
    find_owner_file(run.folder).write_text(str(read_visitor(token).owner))
    (run.folder / "weights").write_bytes(b"x" * size)
    return run


def test_nobody_fills_the_disk_with_what_is_theirs(workspace: Workspace) -> None:
    make_owned(workspace, ANNA, 5_000)
    anna, ben, few = read_visitor(ANNA), read_visitor(BEN), Quota(bytes=4_000, stays_free=0)
    assert count_held(workspace, str(anna.owner))[:2] == (0, 1)
    with pytest.raises(InputError) as refused:
        check_share(workspace, anna, few, "task")
    assert refused.value.field == "task"
    check_share(workspace, ben, few, "task")


def test_nobody_makes_runs_without_end(workspace: Workspace) -> None:
    make_owned(workspace, ANNA)
    with pytest.raises(InputError) as refused:
        check_share(workspace, read_visitor(ANNA), Quota(runs=1, stays_free=0), "run")
    assert refused.value.field == "run"
    check_share(workspace, read_visitor(ANNA), Quota(runs=1, stays_free=0), "task")


def test_a_part_of_the_disk_stays_free(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = type("Disk", (), {"free": 10, "total": 10**12})
    monkeypatch.setattr("studio.shares.quota.shutil.disk_usage", lambda folder: disk)
    with pytest.raises(StudioError):
        check_share(workspace, read_visitor(ANNA), Quota(), "task")
    check_share(workspace, Studio(workspace, InlineLauncher()).visitor, Quota(), "task")


@pytest.mark.parametrize(("said", "size"), [("1.5", 1.5), ("", 4), ("-1", 4), ("nan", 4), ("x", 4), ("1e99", 4)])
def test_the_operator_says_how_much(said: str, size: float) -> None:
    assert read_quota({"STUDIO_QUOTA_GB": said}).bytes == size * GB
    assert read_time({"STUDIO_TURN_MINUTES": "5"}) == Time(turn_seconds=300)
    assert read_time({"STUDIO_RUN_MINUTES": "-5"}) == Time()


def test_a_run_that_takes_years_is_refused_with_what_fits() -> None:
    with pytest.raises(InputError) as refused:
        check_budget(162_272_868, 1_000_000, 7200)
    assert refused.value.field == "training.max_steps"
    assert "44 steps" in str(refused.value) and "5 years" in str(refused.value)
    check_budget(7200, 10, 7200)


def test_a_run_whose_time_nobody_can_tell_is_timed_first_or_refused_with_a_way_out(workspace: Workspace) -> None:
    shares = Studio(workspace, InlineLauncher(), shared=True).shares
    known: list[float] = []

    def weigh() -> Any:
        return SimpleNamespace(seconds=known[0] if known else None, steps=100)

    for measure in (lambda cost: None, lambda cost: [][0]):
        with raises(InputError, "2 hours STUDIO_RUN_MINUTES=any operator", field="model"):
            shares.check_time(weigh, measure)
    with pytest.raises(DeviceError):  # a run has the card: that is said as it is
        shares.check_time(weigh, Mock(side_effect=DeviceError("busy")))
    shares.check_time(weigh, lambda cost: known.append(7_000.0))
    known[0] = 14_400.0
    with raises(InputError, "50 steps", field="training.max_steps"):
        shares.check_time(weigh, Mock(side_effect=AssertionError("it is known")))
    known.clear()
    shares.time = read_time({"STUDIO_RUN_MINUTES": "any"})
    shares.check_time(weigh, Mock(side_effect=AssertionError("nobody asks")))
    Studio(workspace, InlineLauncher()).shares.check_time(weigh, Mock(side_effect=AssertionError("it is theirs")))


def test_no_kind_of_work_gets_past_the_quota_of_runs(workspace: Workspace) -> None:
    make_owned(workspace, ANNA)
    studio = Studio(workspace, InlineLauncher(), shared=True)
    studio.shares.quota = Quota(runs=1, stays_free=0)
    works = [
        Score(model="run:a@1"),
        Measure(checkpoints=("builtin",)),
        Merge(way="linear", parents=(Parent(model="run:a@1"),)),
        Export(model="builtin", form="recipe"),
    ]
    assert {type(work) for work in works} | {Training} == set(WORKS.members.values())
    for number, work in enumerate(works):
        with raises(InputError, "1", field="run"):
            studio.seen_by(ANNA).queue(work, "")
        assert studio.seen_by(f"{number}" * 32).queue(work, "")


def test_nobody_holds_all_threads_by_waiting(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(waiting, "wait_for", lambda scheduler, run: ended.wait(60))
    scheduler: Any = None
    anna, ben = read_visitor(ANNA), read_visitor(BEN)
    find: Any = str

    def ask(visitor: Visitor) -> threading.Thread:
        given = (scheduler, visitor, lambda: "x", find)
        thread = threading.Thread(target=waiting.do_and_wait, args=given)
        thread.start()
        return thread

    threads = [ask(anna) for _ in range(waiting.MOST_OF_VISITOR)]
    with pytest.raises(InputError):
        waiting.do_and_wait(scheduler, anna, Mock(side_effect=AssertionError("queued")), find)
    threads += [ask(ben), *(ask(read_visitor(f"{number:032}")) for number in range(waiting.MOST - 4))]
    with pytest.raises(InputError):
        waiting.do_and_wait(scheduler, THE_ONE, Mock(side_effect=AssertionError("queued")), find)
    ended.set()
    for thread in threads:
        thread.join()
    assert waiting.do_and_wait(scheduler, anna, lambda: "y", find) == "y" and not waiting._waits


def status(run_id: str, said: str) -> RunStatus:
    return RunStatus.model_construct(run_id=run_id, status=said)


@pytest.mark.parametrize(
    ("waiting", "since", "over"),
    [("ben", 1_300, ["long"]), ("ben", 1_100, []), ("anna", 9_000, []), (None, 9_000, [])],
)
def test_a_turn_ends_only_while_somebody_else_waits(waiting: str | None, since: float, over: list[str]) -> None:
    statuses = [status("long", "running"), *([status("next", "queued")] if waiting else [])]
    owners = {"long": "anna", "next": waiting or ""}
    assert find_overdue(statuses, owners, {"long": 0.0}, since, 1_200) == over


def test_a_turn_that_is_over_goes_to_the_end_of_the_queue(workspace: Workspace) -> None:
    launcher = WritingLauncher()
    studio = Studio(workspace, launcher, shared=True)
    hers = make_owned(workspace, ANNA)
    assert studio.scheduler.start_next().run_id == hers.run_id
    studio.shares.keeper.look(now=1e12)
    assert not hers.stop_file.exists(), "nobody waits"
    make_owned(workspace, BEN)
    studio.shares.keeper.look(now=1e12)
    assert hers.stop_file.exists() and is_marked(hers)
    launcher.finish(hers, "stopped", 5)
    studio.shares.keeper.look()
    statuses = {one.run_id: one for one in studio.scheduler.look_at_all()}
    assert (statuses[hers.run_id].status, statuses[hers.run_id].position, is_marked(hers)) == ("queued", 2, False)
    launcher.close()


def test_a_run_that_doesnt_stop_when_its_turn_is_over_is_ended_and_stays_so(workspace: Workspace) -> None:
    launcher = WritingLauncher()
    studio = Studio(workspace, launcher, shared=True)
    hers, his = make_owned(workspace, ANNA), make_owned(workspace, BEN)
    assert studio.scheduler.start_next().run_id == hers.run_id
    keeper = studio.shares.keeper
    for _ in range(2):
        keeper.look(now=1e12)
        assert hers.is_alive() and is_marked(hers), "it is asked first"
    keeper.patience_seconds = -1.0
    keeper.look(now=1e12)
    wait_until(lambda: launcher.sleepers[hers.run_id].poll() is not None, seconds=20)
    keeper.look(now=1e12)
    assert not is_marked(hers) and studio.seen_by(ANNA).run_status(hers.run_id).status == "lost"
    assert studio.scheduler.start_next().run_id == his.run_id
    operator = Operator(Studio(workspace, launcher))
    operator.stop(his.run_id)
    assert his.is_alive() and his.stop_file.exists()
    operator.stop(his.run_id)
    wait_until(lambda: launcher.sleepers[his.run_id].poll() is not None, seconds=20)
    launcher.close()


def test_nobody_ends_the_process_that_asks(workspace: Workspace) -> None:
    LocalLauncher.end_child(note_process(os.getpid()))
    LocalLauncher.end_child({"pid": "none"})
    LocalLauncher.end_child({**note_process(os.getppid()), "born": "another", "created": 1.0})


def test_who_stops_a_run_is_not_put_back_into_the_queue(workspace: Workspace) -> None:
    hers = make_owned(workspace, ANNA)
    (hers.folder / "turn_over").touch()
    Studio(workspace, InlineLauncher(), shared=True).seen_by(ANNA).stop_run(hers.run_id)
    assert not is_marked(hers)
    forget_mark(hers)


def test_a_visitor_is_refused_and_the_next_one_is_not(workspace: Workspace, tmp_path: Path) -> None:
    studio = Studio(workspace, InlineLauncher(), shared=True)
    studio.shares.quota = Quota(tasks=1, stays_free=0)
    (tmp_path / "task.json").write_text(json.dumps(write_task()))
    studio.seen_by(ANNA).import_task(tmp_path / "task.json", "one.json")
    with pytest.raises(InputError):
        studio.seen_by(ANNA).import_task(tmp_path / "task.json", "two.json")
    with pytest.raises(InputError):
        studio.seen_by(ANNA).data.upload(tmp_path / "task.json", "three.json")
    studio.seen_by(BEN).import_task(tmp_path / "task.json", "two.json")


def test_which_folders_there_are_is_not_told(workspace: Workspace) -> None:
    visit = Studio(workspace, InlineLauncher(), local_folders=False, shared=True).seen_by(ANNA)
    said = set()
    for folder in ("/root", "/root/.nope", "~", "~nobody", "../..", ".", "studio", "/proc/self/environ"):
        with pytest.raises(TaskError) as refused:
            visit.data.fetch_from(folder)
        said.add(str(refused.value).replace(repr(folder), "it"))
    assert len(said) == 1


def test_the_operator_lists_stops_deletes_and_frees(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_owned(workspace, ANNA, 1_000_000)
    (workspace.cache / "held").mkdir(exist_ok=True)
    (workspace.cache / "held" / "file").write_bytes(b"x" * 1_000_000)
    here = ["--workspace", str(workspace.folder), "operate"]
    owner = str(read_visitor(ANNA).owner)[:8]
    assert command_line.main([*here, "list"]) == 0
    said = capsys.readouterr().out
    assert run.run_id in said and owner in said and "queued" in said
    assert command_line.main([*here, "space"]) == 0
    assert f"owner {owner}  1.0 MB" in capsys.readouterr().out
    assert command_line.main([*here, "stop", run.run_id]) == 0
    assert command_line.main([*here, "delete", run.run_id]) == 0
    assert command_line.main([*here, "space", "--free"]) == 0
    assert "freed  1.0 MB" in capsys.readouterr().out
    assert command_line.main([*here, "delete", run.run_id]) == 2
    with pytest.raises(StudioError):
        find_run(workspace, run.run_id)


def test_a_visitor_has_so_many_collections(workspace: Workspace) -> None:
    anna = read_visitor(ANNA)
    (workspace.folder / "collections" / f".{anna.owner}" / "one").mkdir(parents=True)
    with pytest.raises(InputError) as refused:
        check_share(workspace, anna, Quota(collections=1, stays_free=0), "collection")
    assert refused.value.field == "collection"
    left = check_share(workspace, anna, Quota(bytes=500, stays_free=0), "task")
    assert left == 500
    assert check_share(workspace, Studio(workspace, InlineLauncher()).visitor, Quota(), "task") is None


HOLDER = """
import sys, time
from studio.shares.uploads import Uploads
from studio.workspace import Workspace
made = Uploads(Workspace(sys.argv[1]))
(made.folder / "half").write_bytes(b"x")
print(made.folder, flush=True)
sys.stdin.read()
"""


def test_uploads_of_a_studio_that_was_killed_are_swept_and_those_of_a_living_one_stay(workspace: Workspace) -> None:
    def start() -> tuple[subprocess.Popen[str], Path]:
        command = [sys.executable, "-c", HOLDER, str(workspace.folder)]
        made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert made.stdout is not None
        return made, Path(made.stdout.readline().strip())

    (living, its), (dead, old) = start(), start()
    assert its.is_dir() and old.is_dir() and its.stat().st_mode & 0o077 == 0
    dead.kill()
    dead.wait()
    left = workspace.uploads / "of an older edition"
    left.mkdir()
    os.utime(left, (0, 0))
    mine = Uploads(workspace)
    assert its.is_dir() and mine.folder.is_dir() and not old.exists() and not left.exists()
    mine.close()
    assert sorted(path.name for path in workspace.uploads.iterdir()) == [its.name, f"{its.name}.lock"]
    living.communicate("")
    dead.communicate()


def test_what_is_left_of_an_upload_that_broke_off_is_dropped_after_an_hour(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    for name in ("whole/a.json", "tmp-old", "tmp-new"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (0, 0) if name != "tmp-new" else None)
    os.utime(tmp_path / "whole", (0, 0))
    drop_halves(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.json", "tmp-new", "whole"]
    drop_halves(tmp_path / "gone")
