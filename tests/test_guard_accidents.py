"""Odd homes and odd moments: links, clocks, folders that are half gone, readers that never read."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny import make_run, run_async

from studio.guard.hosts import Hosts
from studio.guard.layer import Guard
from studio.launchers.inline import InlineLauncher
from studio.runs.status import RunStatus
from studio.service import Studio
from studio.service.operator import Operator
from studio.shares.quota import count_bytes
from studio.shares.time import find_overdue
from studio.workspace import Workspace


def test_a_home_behind_a_link_is_that_home(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    workspace = Workspace(tmp_path / "home")
    assert workspace.folder == tmp_path / "disk"
    assert workspace.runs.stat().st_mode & 0o077 == 0


def test_what_a_link_points_to_is_neither_counted_nor_deleted(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "photo").write_bytes(b"x" * 100_000)
    (workspace.cache / "link").symlink_to(tmp_path / "theirs")
    (workspace.cache / "loop").symlink_to(workspace.cache)
    assert count_bytes(workspace.cache) < 10_000
    Operator(Studio(workspace, InlineLauncher())).free_space()
    assert list(workspace.cache.iterdir()) == [] and (tmp_path / "theirs" / "photo").exists()


@pytest.mark.parametrize("gone", ["recipe.json", "owner", "events.jsonl", "."])
def test_a_run_that_is_half_deleted_hides_no_other(workspace: Workspace, gone: str) -> None:
    good, bad = make_run(workspace), make_run(workspace)
    for name in ("events.jsonl", "owner"):
        (bad.folder / name).touch()
    studio = Studio(workspace, InlineLauncher())
    assert len(studio.list_runs()) == 2
    shutil.rmtree(bad.folder) if gone == "." else (bad.folder / gone).unlink()
    assert good.run_id in [status.run_id for status in studio.list_runs()]
    studio.shares.keeper.look()


@pytest.mark.parametrize("started", [0.0, 1e12, float("inf")])
def test_a_clock_that_jumps_ends_no_turn_of_one_who_is_alone(started: float) -> None:
    alone = [RunStatus.model_construct(run_id="one", status="running")]
    assert find_overdue(alone, {"one": "anna"}, {"one": started}, 1e6, 60) == []
    waits = [*alone, RunStatus.model_construct(run_id="two", status="queued")]
    ended = find_overdue(waits, {"one": "anna", "two": "ben"}, {"one": started}, 1e6, 60)
    assert ended == (["one"] if started == 0.0 else []), "a start in the future is no long turn"


def test_an_asker_who_leaves_in_the_middle_writes_no_traceback() -> None:
    async def read(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        raise ConnectionError("the asker left")

    async def leave() -> Any:
        return {"type": "http.disconnect"}

    async def refuse(message: Any) -> None:
        raise OSError("nobody reads")

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join", "headers": headers}
    run_async(Guard(read, Hosts())(scope, leave, refuse))
    scope["headers"] = [(b"host", b"evil.example")]
    run_async(Guard(read, Hosts())(scope, leave, refuse))


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_home_whose_folders_are_open_is_closed_at_the_next_start(tmp_path: Path) -> None:
    Workspace(tmp_path / "home").runs.chmod(0o777)
    assert Workspace(tmp_path / "home").runs.stat().st_mode & 0o777 == 0o700
